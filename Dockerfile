# The demo and the pipeline, on a CPU; with an NVIDIA GPU: --build-arg TORCH_INDEX= (the package index's torch has CUDA).
# No model is inside, for its licence may forbid that: mount yours at /project/models, or make it with `dvc repro`.
#
#   docker build --tag kosbert .
#   docker run --rm --init --publish 127.0.0.1:8000:8000 --volume "$PWD/models:/project/models:ro" kosbert
#   docker run --rm --init --user "$(id -u):$(id -g)" --volume "$PWD:/project" kosbert dvc repro
ARG BASE=python:3.11-slim-bookworm

FROM ${BASE} AS installed
ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu
ARG EXTRAS=demo,pipeline
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PATH=/opt/venv/bin:$PATH
WORKDIR /project
COPY constraints.txt ./
RUN python3 -m venv /opt/venv \
 && pip install ${TORCH_INDEX:+--extra-index-url "$TORCH_INDEX"} --constraint constraints.txt torch
# An editable install of a package without code: when it runs, its code is found in /project/src, also where the user's
# own project is mounted, and a change of the code reinstalls no dependency.
COPY pyproject.toml ./
RUN mkdir src && touch README.md && pip install --constraint constraints.txt --editable ".[$EXTRAS]"

FROM ${BASE}
# DVC needs git where a project with its history is mounted, which may be of another user.
RUN apt-get update && apt-get install --yes --no-install-recommends git && rm -rf /var/lib/apt/lists/* /var/cache/apt/* \
 && git config --system --add safe.directory '*' \
 && useradd --create-home --uid 1000 kosbert && chmod 1777 /home/kosbert \
 && install --directory --owner kosbert --group kosbert /project /project/models
COPY --from=installed /opt/venv /opt/venv
# Any user (--user) has this home.
ENV PATH=/opt/venv/bin:$PATH HOME=/home/kosbert PYTHONUNBUFFERED=1
USER kosbert
WORKDIR /project
COPY --chown=kosbert:kosbert . .
# The copy of the project that is inside has no history.
RUN dvc config --local core.no_scm true
EXPOSE 8000
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s \
  CMD ["python", "-c", "from urllib.request import urlopen; urlopen('http://127.0.0.1:8000/', timeout=4)"]
CMD ["kosbert", "demo", "--host", "0.0.0.0", "--port", "8000"]

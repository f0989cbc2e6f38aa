"""The report: pictures, and one page that holds everything."""

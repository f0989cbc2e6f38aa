"""All models side by side: the table, the details, the pictures, and one page that holds everything."""

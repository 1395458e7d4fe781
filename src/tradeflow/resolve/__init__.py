"""Who is who: spellings of companies in, one entity for each company out, with the reason of every merge."""

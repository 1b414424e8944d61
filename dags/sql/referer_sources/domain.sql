REGEXP_REPLACE(NULLIF(LOWER(REGEXP_EXTRACT(referer, r'^[A-Za-z][A-Za-z0-9+.-]*://(?:[^/?#@]*@)?(\[[^\]/?#]*\]|[^/?#:]*)')), ''), r'^www\.', '')

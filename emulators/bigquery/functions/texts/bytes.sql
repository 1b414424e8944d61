-- STRING and BYTES alike: bytes are worked on as text of Latin 1, a character each. typeof() is known when a statement
-- is bound, so that nothing of it is left for a STRING. bq_latin1, bq_escaped and others are functions in Python.
CREATE OR REPLACE MACRO bq_text(x) AS CASE
  WHEN typeof(x) = 'BLOB' THEN bq_latin1(CAST(x AS BLOB))
  WHEN typeof(x) IN ('VARCHAR', 'JSON', '"NULL"') THEN CAST(x AS VARCHAR)
  ELSE bq_error('No matching signature: STRING or BYTES are expected')
END;
-- A second text, of the type of the first.
CREATE OR REPLACE MACRO bq_other_text(y, x) AS CASE
  WHEN typeof(x) = typeof(y) OR '"NULL"' IN (typeof(x), typeof(y)) OR 'BLOB' NOT IN (typeof(x), typeof(y)) THEN bq_text(y)
  ELSE bq_error('No matching signature: either STRING or BYTES are expected')
END;
-- A text as a value of the type of x; DuckDB reads bytes from \x and two digits each.
CREATE OR REPLACE MACRO bq_as(made, x) AS cast_to_type(
  CASE WHEN typeof(x) = 'BLOB' THEN bq_escaped(made) ELSE made END, CASE WHEN false THEN '' ELSE x END
);
CREATE OR REPLACE MACRO bq_all_as(made, x) AS cast_to_type(
  CASE WHEN typeof(x) = 'BLOB' THEN list_transform(made, lambda one: bq_escaped(one)) ELSE made END,
  [CASE WHEN false THEN '' ELSE x END]
);

-- A text of DuckDB has fewer characters than an offset of its functions may be.
CREATE OR REPLACE MACRO bq_count(n) AS CASE WHEN n > 2147483647 THEN 2147483647 ELSE n END;

-- BigQuery reads digits with or without padding, and spaces between them.
CREATE OR REPLACE MACRO bq_base64(x) AS rtrim(regexp_replace(x, '\s', '', 'g'), '=');
CREATE OR REPLACE MACRO bq_from_base64(x, safe) AS CASE
  WHEN NOT regexp_full_match(bq_base64(x), '[A-Za-z0-9+/]*') OR length(bq_base64(x)) % 4 = 1 THEN
    CASE WHEN NOT safe THEN bq_error('Failed to decode invalid base64 string') END
  ELSE from_base64(rpad(bq_base64(x), CAST((length(bq_base64(x)) + 3) // 4 * 4 AS INTEGER), '='))
END;
CREATE OR REPLACE MACRO bq_from_hex(x, safe) AS CASE
  WHEN NOT regexp_full_match(x, '[0-9a-fA-F]*') THEN
    CASE WHEN NOT safe THEN bq_error('Failed to decode invalid hexadecimal string: ' || x) END
  ELSE unhex(x)
END;

CREATE OR REPLACE MACRO bq_farm_fingerprint(x) AS CASE
  WHEN typeof(x) = 'BLOB' THEN bq_fingerprint(CAST(x AS BLOB))
  ELSE bq_fingerprint(encode(bq_text(x)))
END;
CREATE OR REPLACE MACRO bq_sha512(x) AS CASE
  WHEN typeof(x) = 'BLOB' THEN bq_sha512_of(CAST(x AS BLOB))
  ELSE bq_sha512_of(encode(bq_text(x)))
END;

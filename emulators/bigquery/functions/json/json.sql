-- A text with numbers that DuckDB would write otherwise, or malformed, is read in Python.
CREATE OR REPLACE MACRO bq_is_plain_json(x) AS json_valid(x) AND NOT regexp_matches(x, '[0-9][.eE]|-0');

CREATE OR REPLACE MACRO bq_json_found(x, native, path, legacy) AS
  CASE WHEN typeof(x) NOT IN ('JSON', 'VARCHAR', '"NULL"') THEN bq_error('JSON functions take STRING and JSON only')
    WHEN native IS NOT NULL AND (typeof(x) = 'JSON' OR bq_is_plain_json(CAST(x AS VARCHAR)))
    THEN CAST(json_extract(CAST(x AS VARCHAR), native) AS VARCHAR)
    ELSE bq_json_read(CAST(x AS VARCHAR), path, legacy) END;

CREATE OR REPLACE MACRO bq_is_json_scalar(x) AS left(x, 1) NOT IN ('{', '[');
CREATE OR REPLACE MACRO bq_json_scalar(x) AS
  CASE WHEN left(x, 1) = '"' THEN json_extract_string(x, '$') WHEN bq_is_json_scalar(x) THEN nullif(x, 'null') END;

-- The branch that is never taken gives the result the type of what it is taken from.
CREATE OR REPLACE MACRO bq_json_same_type(x, found) AS
  CASE WHEN false THEN x WHEN typeof(x) = 'JSON' THEN found ELSE nullif(found, 'null') END;

CREATE OR REPLACE MACRO bq_json_elements(x, found) AS
  CASE WHEN left(found, 1) <> '[' THEN NULL
    WHEN typeof(x) = 'JSON' OR bq_is_plain_json(found) THEN CAST(json_extract(found, '$[*]') AS VARCHAR[])
    ELSE bq_json_split(found) END;
CREATE OR REPLACE MACRO bq_json_array(x, found) AS
  list_transform(bq_json_elements(x, found), lambda e: CASE WHEN false THEN x ELSE e END);
CREATE OR REPLACE MACRO bq_json_scalars(elements) AS
  CASE WHEN len(list_filter(elements, lambda e: NOT bq_is_json_scalar(e))) = 0
    THEN list_transform(elements, lambda e: bq_json_scalar(e)) END;

CREATE OR REPLACE MACRO bq_json(x) AS CAST(x AS JSON);
CREATE OR REPLACE MACRO bq_parse_json(x, is_rounded, safe) AS CAST(
  CASE WHEN x IS NULL OR safe OR bq_json_parsed(CAST(x AS VARCHAR), is_rounded) IS NOT NULL
    THEN bq_json_parsed(CAST(x AS VARCHAR), is_rounded)
    ELSE bq_error('Invalid input to PARSE_JSON: ' || CAST(x AS VARCHAR)) END AS JSON);

CREATE OR REPLACE MACRO bq_json_at(x, key) AS CAST(
  CASE WHEN typeof(key) = 'VARCHAR'
    THEN bq_json_key(CAST(x AS VARCHAR), CAST(key AS VARCHAR))
    ELSE CASE WHEN TRY_CAST(key AS BIGINT) >= 0 THEN json_extract(CAST(x AS VARCHAR), TRY_CAST(key AS BIGINT)) END
  END AS JSON);

-- DuckDB counts from 0 in JSON, and from 1 in arrays.
CREATE OR REPLACE MACRO bq_element(x, i) AS
  CASE WHEN typeof(x) <> 'JSON' AND (i < 0 OR i >= len(x)) THEN bq_error('Array index is out of bounds')
    WHEN i >= 0 THEN x[CASE WHEN typeof(x) = 'JSON' THEN i ELSE i + 1 END] END;

-- What needs no other spelling than DuckDB's is not handed to Python.
CREATE OR REPLACE MACRO bq_json_text(x, text, is_pretty) AS CASE
  WHEN text IS NULL THEN 'null'
  WHEN typeof(x) IN ('BOOLEAN', 'DATE') THEN text
  WHEN typeof(x) IN ('VARCHAR', 'VARCHAR[]') AND NOT is_pretty AND NOT regexp_matches(text, '[\x{2028}\x{2029}]|\\u') THEN text
  WHEN typeof(x) IN ('BIGINT', 'INTEGER', 'HUGEINT') THEN
    CASE WHEN TRY_CAST(text AS BIGINT) BETWEEN -9007199254740992 AND 9007199254740992 THEN text ELSE '"' || text || '"' END
  ELSE bq_json_of_value(text, typeof(x), 'string', is_pretty) END;
CREATE OR REPLACE MACRO bq_to_json_string(x, is_pretty) AS bq_json_text(x, CAST(to_json(x) AS VARCHAR), is_pretty);
CREATE OR REPLACE MACRO bq_to_json(x, mode) AS
  CAST(bq_json_of_value(CAST(to_json(x) AS VARCHAR), typeof(x), mode, false) AS JSON);

CREATE OR REPLACE MACRO bq_json_type(x) AS
  CASE json_type(x) WHEN 'NULL' THEN 'null' WHEN 'VARCHAR' THEN 'string' WHEN 'BOOLEAN' THEN 'boolean'
    WHEN 'OBJECT' THEN 'object' WHEN 'ARRAY' THEN 'array' ELSE CASE WHEN x IS NOT NULL THEN 'number' END END;

-- What is of the type JSON: NULL where it is something else than asked for.
CREATE OR REPLACE MACRO bq_json_text_as(text, type) AS CASE
  WHEN type = 'BOOL' THEN CASE WHEN text IN ('true', 'false') THEN text END
  WHEN type = 'STRING' THEN CASE WHEN left(text, 1) = '"' THEN json_extract_string(text, '$') END
  WHEN regexp_full_match(text, '-?[0-9][-+.0-9eE]*') THEN
    CASE WHEN type = 'INT64' AND NOT regexp_full_match(text, '-?[0-9]+') THEN
      CASE WHEN TRY_CAST(text AS DOUBLE) = floor(TRY_CAST(text AS DOUBLE))
        THEN CAST(TRY_CAST(TRY_CAST(text AS DOUBLE) AS BIGINT) AS VARCHAR) END
    ELSE text END
  END;
CREATE OR REPLACE MACRO bq_json_as(x, type, safe) AS
  CASE WHEN typeof(x) NOT IN ('JSON', '"NULL"') THEN bq_error('No matching signature for function ' || type || ': it takes JSON')
    WHEN x IS NULL OR safe OR bq_json_text_as(CAST(x AS VARCHAR), type) IS NOT NULL
    THEN bq_json_text_as(CAST(x AS VARCHAR), type)
    ELSE bq_error('The provided JSON input is not ' || type || ': ' || CAST(x AS VARCHAR)) END;
CREATE OR REPLACE MACRO bq_json_int64(x, safe) AS
  CASE WHEN safe OR x IS NULL THEN TRY_CAST(bq_json_as(x, 'INT64', safe) AS BIGINT)
    ELSE CAST(bq_json_as(x, 'INT64', safe) AS BIGINT) END;
CREATE OR REPLACE MACRO bq_json_float64(x, safe) AS CAST(bq_json_as(x, 'FLOAT64', safe) AS DOUBLE);
CREATE OR REPLACE MACRO bq_json_exact_float64(x, safe) AS
  CASE WHEN TRY_CAST(bq_json_float64(x, safe) AS HUGEINT) = TRY_CAST(CAST(x AS VARCHAR) AS HUGEINT)
      OR TRY_CAST(CAST(x AS VARCHAR) AS HUGEINT) IS NULL OR regexp_matches(CAST(x AS VARCHAR), '[.eE]')
    THEN bq_json_float64(x, safe)
    ELSE CASE WHEN NOT safe THEN bq_error('JSON number: ' || CAST(x AS VARCHAR) ||
      ' cannot be converted to FLOAT64 without loss of precision') END END;
CREATE OR REPLACE MACRO bq_json_bool(x, safe) AS CAST(bq_json_as(x, 'BOOL', safe) AS BOOLEAN);
CREATE OR REPLACE MACRO bq_string(x, safe) AS
  CASE WHEN typeof(x) = 'JSON' THEN bq_json_as(x, 'STRING', safe) ELSE CAST(x AS VARCHAR) END;

CREATE OR REPLACE MACRO bq_keys(x, depth) AS bq_json_keys(CAST(x AS VARCHAR), CAST(depth AS BIGINT));

-- What another type of JSON is taken for: https://cloud.google.com/bigquery/docs/reference/standard-sql/json_functions
CREATE OR REPLACE MACRO bq_lax_bool(x) AS CASE bq_json_type(x)
  WHEN 'boolean' THEN CAST(x AS VARCHAR) = 'true'
  WHEN 'string' THEN CASE lower(json_extract_string(x, '$')) WHEN 'true' THEN true WHEN 'false' THEN false END
  WHEN 'number' THEN TRY_CAST(CAST(x AS VARCHAR) AS DOUBLE) <> 0 END;
CREATE OR REPLACE MACRO bq_lax_float64(x) AS
  CASE WHEN bq_json_type(x) IN ('number', 'string') THEN TRY_CAST(json_extract_string(x, '$') AS DOUBLE) END;
CREATE OR REPLACE MACRO bq_lax_int64(x) AS CASE
  WHEN bq_json_type(x) = 'boolean' THEN CAST(CAST(x AS VARCHAR) = 'true' AS BIGINT)
  WHEN bq_json_type(x) IN ('number', 'string') THEN
    CASE WHEN regexp_full_match(json_extract_string(x, '$'), '[-+]?[0-9]+') THEN TRY_CAST(json_extract_string(x, '$') AS BIGINT)
      ELSE TRY_CAST(round(bq_lax_float64(x)) AS BIGINT) END END;
CREATE OR REPLACE MACRO bq_lax_string(x) AS bq_json_scalar(CAST(x AS VARCHAR));

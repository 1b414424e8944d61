-- The rows of an array, beside each other in one SELECT: a row has an element and its offset.
CREATE OR REPLACE MACRO bq_elements(a) AS unnest(a);
CREATE OR REPLACE MACRO bq_offsets(a) AS unnest(range(len(a)));

-- Without an alias, structs are rows of their fields.
CREATE OR REPLACE MACRO bq_rows(a) AS TABLE SELECT unnest(a, max_depth := 2);
CREATE OR REPLACE MACRO bq_numbered_rows(a) AS TABLE
  SELECT unnest(a, max_depth := 2), unnest(range(len(a))) AS bq_number;

CREATE OR REPLACE MACRO bq_first_elements(a, n) AS list_slice(a, 1, n);

CREATE OR REPLACE MACRO bq_array_concat(a, b) AS
  CASE WHEN a IS NOT NULL AND b IS NOT NULL THEN list_concat(a, b) END;

-- Both ends are offsets, inclusive, and count from the end where they are negative.
CREATE OR REPLACE MACRO bq_array_slice(a, first, last) AS
  CASE WHEN a IS NOT NULL AND first IS NOT NULL AND last IS NOT NULL THEN
    list_slice(a, greatest(CASE WHEN first < 0 THEN len(a) + first ELSE first END, 0) + 1,
               greatest(CASE WHEN last < 0 THEN len(a) + last ELSE least(last, len(a)) END + 1, 0))
  END;

CREATE OR REPLACE MACRO bq_array_to_string(a, separator, of_null) AS
  CASE WHEN typeof(a) NOT IN ('VARCHAR[]', '"NULL"[]') THEN
    bq_error('ARRAY_TO_STRING of elements other than STRING is not offered by the local BigQuery')
    WHEN separator IS NOT NULL AND of_null IS NOT NULL THEN
    array_to_string(list_transform(a, lambda e: coalesce(CAST(e AS VARCHAR), CAST(of_null AS VARCHAR))), CAST(separator AS VARCHAR))
  END, (a, separator) AS
  CASE WHEN typeof(a) NOT IN ('VARCHAR[]', '"NULL"[]') THEN
    bq_error('ARRAY_TO_STRING of elements other than STRING is not offered by the local BigQuery')
    WHEN separator IS NOT NULL THEN array_to_string(a, CAST(separator AS VARCHAR))
  END;

CREATE OR REPLACE MACRO bq_array_step(step) AS
  CASE WHEN step = 0 THEN bq_error('Sequence step cannot be 0.') ELSE step END;

-- Elements are reckoned each from the first one, not from the one before it, and have the type that all three share.
CREATE OR REPLACE MACRO bq_generate_array(first, last, step) AS
  list_transform(range(CAST(floor((last - first) / bq_array_step(step)) AS BIGINT) + 1),
    lambda i: CASE WHEN false THEN last ELSE first + i * step END);

-- NaN is the least value, as it is the greatest one; for DuckDB it is the greatest alone.
CREATE OR REPLACE MACRO bq_order_of_min(x) AS {'is_number': CAST(x AS VARCHAR) <> 'nan', 'x': x};
CREATE OR REPLACE MACRO bq_min(x) AS
  CASE WHEN bq_is_float(min(x)) THEN arg_min(x, bq_order_of_min(x)) ELSE min(x) END;

-- The average of NUMERIC is NUMERIC; a quantile has the type, and is not computed.
CREATE OR REPLACE MACRO bq_avg(x) AS
  cast_to_type(avg(x), CASE WHEN false THEN CAST(0 AS DECIMAL(38, 9)) ELSE quantile_cont(x, 0.5) END);

CREATE OR REPLACE MACRO bq_corr(x, y) AS CASE WHEN regr_count(x, y) > 1 THEN corr(x, y) END;

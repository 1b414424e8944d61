CREATE OR REPLACE MACRO bq_numeric(x) AS CAST(x AS DECIMAL(38, 9));
CREATE OR REPLACE MACRO bq_is_decimal(x) AS typeof(x) LIKE 'DECIMAL%';
CREATE OR REPLACE MACRO bq_is_integer(x) AS typeof(x) IN ('BIGINT', 'INTEGER', 'HUGEINT', 'SMALLINT', 'TINYINT', 'UTINYINT', 'UINTEGER', 'UBIGINT');
CREATE OR REPLACE MACRO bq_is_null(x) AS typeof(x) = '"NULL"';
CREATE OR REPLACE MACRO bq_not_cast(x, target) AS bq_error('Invalid cast from ' || typeof(x) || ' to ' || target);

-- What has become of a text: nothing where it is none, unless that may not be.
CREATE OR REPLACE MACRO bq_parsed(x, value, target, safe) AS
  CASE WHEN x IS NULL OR safe OR value IS NOT NULL THEN value ELSE bq_error('Bad ' || target || ' value: ' || x) END;

CREATE OR REPLACE MACRO bq_int64_of_text(x) AS
  CASE WHEN regexp_full_match(trim(x), '[-+]?([0-9]+|0[xX][0-9a-fA-F]+)') THEN TRY_CAST(trim(x) AS BIGINT) END;

-- Numbers are rounded half away from zero; a text is digits alone.
CREATE OR REPLACE MACRO bq_cast_int64(x, safe) AS CASE
  WHEN bq_is_float(x) THEN
    CASE WHEN safe THEN TRY_CAST(round(CAST(x AS DOUBLE)) AS BIGINT) ELSE CAST(round(CAST(x AS DOUBLE)) AS BIGINT) END
  WHEN typeof(x) = 'VARCHAR' THEN bq_parsed(CAST(x AS VARCHAR), bq_int64_of_text(CAST(x AS VARCHAR)), 'int64', safe)
  WHEN bq_is_integer(x) OR bq_is_decimal(x) OR bq_is_null(x) OR typeof(x) = 'BOOLEAN' THEN
    CASE WHEN safe THEN TRY_CAST(x AS BIGINT) ELSE CAST(x AS BIGINT) END
  ELSE bq_not_cast(x, 'INT64')
END;

CREATE OR REPLACE MACRO bq_float64_of_text(x) AS CASE
  WHEN regexp_full_match(trim(x), '[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?|(?i)[-+]?(inf|infinity|nan)')
    THEN TRY_CAST(ltrim(trim(x), '+') AS DOUBLE)
  WHEN regexp_full_match(trim(x), '[-+]?0[xX][0-9a-fA-F.]+([pP].*)?') THEN bq_float_of_hexadecimal(trim(x))
END;

CREATE OR REPLACE MACRO bq_cast_float64(x, safe) AS CASE
  WHEN typeof(x) = 'VARCHAR' THEN bq_parsed(CAST(x AS VARCHAR), bq_float64_of_text(CAST(x AS VARCHAR)), 'double', safe)
  WHEN bq_is_float(x) OR bq_is_integer(x) OR bq_is_null(x) THEN CAST(x AS DOUBLE)
  WHEN bq_is_decimal(x) THEN CAST(CAST(x AS VARCHAR) AS DOUBLE)
  ELSE bq_not_cast(x, 'FLOAT64')
END;

CREATE OR REPLACE MACRO bq_bool_of_text(x) AS CASE lower(x) WHEN 'true' THEN TRUE WHEN 'false' THEN FALSE END;

CREATE OR REPLACE MACRO bq_cast_bool(x, safe) AS CASE
  WHEN typeof(x) = 'VARCHAR' THEN bq_parsed(CAST(x AS VARCHAR), bq_bool_of_text(CAST(x AS VARCHAR)), 'bool', safe)
  WHEN bq_is_integer(x) OR bq_is_null(x) OR typeof(x) = 'BOOLEAN' THEN CAST(x AS BOOLEAN)
  ELSE bq_not_cast(x, 'BOOL')
END;

CREATE OR REPLACE MACRO bq_numeric_of_text(x) AS
  CASE WHEN regexp_full_match(trim(x), '[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?') THEN TRY_CAST(trim(x) AS DECIMAL(38, 9)) END;

CREATE OR REPLACE MACRO bq_cast_numeric(x, safe) AS CASE
  WHEN bq_is_float(x) THEN bq_numeric_of_float(CAST(x AS DOUBLE), safe)
  WHEN typeof(x) = 'VARCHAR' THEN bq_parsed(CAST(x AS VARCHAR), bq_numeric_of_text(CAST(x AS VARCHAR)), 'numeric', safe)
  WHEN bq_is_integer(x) OR bq_is_decimal(x) OR bq_is_null(x) THEN
    CASE WHEN safe THEN TRY_CAST(x AS DECIMAL(38, 9)) ELSE CAST(x AS DECIMAL(38, 9)) END
  ELSE bq_not_cast(x, 'NUMERIC')
END;

-- A scale above 9 is what makes a BIGNUMERIC of it; what has more digits than that is refused by the function.
CREATE OR REPLACE MACRO bq_cast_bignumeric(x, safe) AS CASE
  WHEN typeof(x) = 'VARCHAR' OR bq_is_float(x) OR bq_is_integer(x) OR bq_is_decimal(x) OR bq_is_null(x) THEN
    bq_bignumeric_of_text(CAST(x AS VARCHAR), safe)
  ELSE bq_not_cast(x, 'BIGNUMERIC')
END;

-- The fewest digits of 15 or 17 that are read as the same number.
CREATE OR REPLACE MACRO bq_text_of_float(x) AS CASE
  WHEN x = 0 THEN '0'
  WHEN CAST(format('{:.15g}', x) AS DOUBLE) = x THEN format('{:.15g}', x)
  ELSE format('{:.17g}', x)
END;

CREATE OR REPLACE MACRO bq_text_of_decimal(x) AS rtrim(rtrim(CAST(x AS VARCHAR), '0'), '.');

-- Three digits of a second or six, as many as there are.
CREATE OR REPLACE MACRO bq_text_of_fraction(microseconds) AS CASE
  WHEN microseconds % 1000000 = 0 THEN ''
  WHEN microseconds % 1000 = 0 THEN printf('.%03d', microseconds % 1000000 // 1000)
  ELSE printf('.%06d', microseconds % 1000000)
END;

CREATE OR REPLACE MACRO bq_text_of_datetime(x) AS
  printf('%04d', year(x)) || strftime(x, '-%m-%d %H:%M:%S') || bq_text_of_fraction(microsecond(x));

CREATE OR REPLACE MACRO bq_text_of_time(x) AS
  substr(CAST(x AS VARCHAR), 1, 8) || bq_text_of_fraction(microsecond(x));

-- Months, days and the time have a sign each.
CREATE OR REPLACE MACRO bq_text_of_interval(x) AS
  CASE WHEN year(x) * 12 + month(x) < 0 THEN '-' ELSE '' END || abs(year(x)) || '-' || abs(month(x))
  || ' ' || day(x) || ' '
  || CASE WHEN hour(x) * 3600000000 + minute(x) * 60000000 + microsecond(x) < 0 THEN '-' ELSE '' END
  || abs(hour(x)) || ':' || abs(minute(x)) || ':' || abs(microsecond(x)) // 1000000 || bq_text_of_fraction(abs(microsecond(x)));

CREATE OR REPLACE MACRO bq_cast_string(x, safe) AS CASE
  WHEN bq_is_float(x) THEN bq_text_of_float(CAST(x AS DOUBLE))
  WHEN bq_is_decimal(x) THEN
    CASE WHEN typeof(x) LIKE '%,_)' THEN bq_text_of_decimal(CAST(x AS DECIMAL(38, 9))) ELSE bq_text_of_decimal(x) END
  WHEN typeof(x) = 'TIMESTAMP' THEN bq_text_of_datetime(CAST(x AS TIMESTAMP))
  WHEN typeof(x) = 'TIMESTAMP WITH TIME ZONE' THEN bq_text_of_datetime(CAST(x AS TIMESTAMP)) || '+00'
  WHEN typeof(x) = 'TIME' THEN bq_text_of_time(CAST(x AS TIME))
  WHEN typeof(x) = 'INTERVAL' THEN bq_text_of_interval(CAST(x AS INTERVAL))
  WHEN typeof(x) = 'BLOB' THEN bq_text_of_bytes(CAST(x AS BLOB), safe)
  WHEN typeof(x) = 'JSON' OR typeof(x) LIKE '%[]' OR typeof(x) LIKE 'STRUCT%' THEN bq_not_cast(x, 'STRING')
  ELSE CAST(x AS VARCHAR)
END;

CREATE OR REPLACE MACRO bq_cast_bytes(x, safe) AS CASE
  WHEN typeof(x) = 'VARCHAR' THEN encode(CAST(x AS VARCHAR))
  WHEN typeof(x) = 'BLOB' OR bq_is_null(x) THEN CAST(x AS BLOB)
  ELSE bq_not_cast(x, 'BYTES')
END;

CREATE OR REPLACE MACRO bq_date_of_text(x) AS
  CASE WHEN regexp_full_match(x, '[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}') AND x >= '0001' THEN TRY_CAST(x AS DATE) END;

CREATE OR REPLACE MACRO bq_cast_date(x, safe) AS CASE
  WHEN typeof(x) = 'VARCHAR' THEN bq_parsed(CAST(x AS VARCHAR), bq_date_of_text(CAST(x AS VARCHAR)), 'date', safe)
  WHEN typeof(x) IN ('DATE', 'TIMESTAMP', 'TIMESTAMP WITH TIME ZONE') OR bq_is_null(x) THEN CAST(x AS DATE)
  ELSE bq_not_cast(x, 'DATE')
END;

CREATE OR REPLACE MACRO bq_time_of_text(x) AS CASE
  WHEN regexp_full_match(x, '([01]?[0-9]|2[0-3]):[0-5]?[0-9]:[0-5]?[0-9](\.[0-9]{1,6})?') THEN TRY_CAST(x AS TIME)
  WHEN regexp_full_match(x, '([01]?[0-9]|2[0-3]):[0-5]?[0-9]:60(\.[0-9]{1,6})?') THEN
    CAST(split_part(x, ':', 1) || ':' || split_part(x, ':', 2) || ':0' AS TIME) + INTERVAL 1 MINUTE
END;

CREATE OR REPLACE MACRO bq_cast_time(x, safe) AS CASE
  WHEN typeof(x) = 'VARCHAR' THEN bq_parsed(CAST(x AS VARCHAR), bq_time_of_text(CAST(x AS VARCHAR)), 'time', safe)
  WHEN typeof(x) = 'TIME' OR bq_is_null(x) THEN CAST(x AS TIME)
  WHEN typeof(x) IN ('TIMESTAMP', 'TIMESTAMP WITH TIME ZONE') THEN CAST(CAST(x AS TIMESTAMP) AS TIME)
  ELSE bq_not_cast(x, 'TIME')
END;

-- The second 60 is the first of the next minute.
CREATE OR REPLACE MACRO bq_datetime_of_text(x) AS CASE
  WHEN x < '0001' THEN NULL
  WHEN regexp_full_match(x, '[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}([ Tt]([01]?[0-9]|2[0-3]):[0-5]?[0-9]:[0-5]?[0-9](\.[0-9]{1,6})?)?')
    THEN TRY_CAST(replace(x, 't', 'T') AS TIMESTAMP)
  WHEN regexp_full_match(x, '[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}[ Tt]([01]?[0-9]|2[0-3]):[0-5]?[0-9]:60(\.[0-9]{1,6})?')
    THEN TRY_CAST(regexp_replace(replace(x, 't', 'T'), ':60.*$', ':00') AS TIMESTAMP) + INTERVAL 1 MINUTE
END;

CREATE OR REPLACE MACRO bq_cast_datetime(x, safe) AS CASE
  WHEN typeof(x) = 'VARCHAR' THEN bq_parsed(CAST(x AS VARCHAR), bq_datetime_of_text(CAST(x AS VARCHAR)), 'datetime', safe)
  WHEN typeof(x) IN ('DATE', 'TIMESTAMP', 'TIMESTAMP WITH TIME ZONE') OR bq_is_null(x) THEN CAST(x AS TIMESTAMP)
  ELSE bq_not_cast(x, 'DATETIME')
END;

CREATE OR REPLACE MACRO bq_zone_of_text(x) AS
  regexp_extract(x, '^.*[0-9](Z|z|[-+][0-9]{1,2}(?::?[0-9]{2})?| [A-Za-z][A-Za-z0-9_+/-]+)$', 1);

-- An offset from UTC stands close to the time, and the name of a zone after a space.
CREATE OR REPLACE MACRO bq_timestamp_of_local(x, zone) AS CASE
  WHEN x IS NULL THEN NULL
  WHEN zone IN ('', 'Z', 'z') THEN CAST(x AS TIMESTAMPTZ)
  WHEN zone LIKE ' %' THEN TRY_CAST(CAST(x AS VARCHAR) || zone AS TIMESTAMPTZ)
  ELSE CAST(x - to_minutes(
    CAST(zone[1] || '1' AS BIGINT) * (
      CAST(regexp_extract(zone, '^.([0-9]{1,2})', 1) AS BIGINT) * 60
      + coalesce(TRY_CAST(regexp_extract(zone, '^.[0-9]{1,2}:?([0-9]{2})$', 1) AS BIGINT), 0)
    )) AS TIMESTAMPTZ)
END;

CREATE OR REPLACE MACRO bq_timestamp_of_text(x) AS CASE
  WHEN regexp_full_match(x, '[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}') THEN CAST(bq_datetime_of_text(x) AS TIMESTAMPTZ)
  WHEN NOT contains(x, ':') THEN NULL
  ELSE bq_timestamp_of_local(bq_datetime_of_text(left(x, length(x) - length(bq_zone_of_text(x)))), bq_zone_of_text(x))
END;

CREATE OR REPLACE MACRO bq_cast_timestamp(x, safe) AS CASE
  WHEN typeof(x) = 'VARCHAR' THEN bq_parsed(CAST(x AS VARCHAR), bq_timestamp_of_text(CAST(x AS VARCHAR)), 'timestamp', safe)
  WHEN typeof(x) IN ('DATE', 'TIMESTAMP', 'TIMESTAMP WITH TIME ZONE') OR bq_is_null(x) THEN CAST(x AS TIMESTAMPTZ)
  ELSE bq_not_cast(x, 'TIMESTAMP')
END;

CREATE OR REPLACE MACRO bq_at_most(x, value_length, most) AS CASE
  WHEN value_length <= most OR x IS NULL THEN x
  ELSE bq_error('A value of at most ' || most || ' has the length ' || value_length)
END;

CREATE OR REPLACE MACRO bq_numeric_within(x, digits, scale) AS CASE
  WHEN x IS NULL OR abs(bq_numeric_round(x, scale, 'ROUND_HALF_AWAY_FROM_ZERO')) < power(10, digits - scale)
    THEN bq_numeric_round(x, scale, 'ROUND_HALF_AWAY_FROM_ZERO')
  ELSE bq_error('A value of NUMERIC(' || digits || ', ' || scale || ') is out of range: ' || x)
END;

CREATE OR REPLACE MACRO bq_is_ascii(x) AS strlen(x) = length(x);

-- DuckDB maps one character to one, regardless of what stands around it; UPPER and LOWER of BYTES change ASCII alone.
CREATE OR REPLACE MACRO bq_upper_of_text(x) AS CASE WHEN bq_is_ascii(x) THEN upper(x) ELSE bq_upper_text(x) END;
CREATE OR REPLACE MACRO bq_lower_of_text(x) AS CASE WHEN bq_is_ascii(x) THEN lower(x) ELSE bq_lower_text(x) END;
CREATE OR REPLACE MACRO bq_upper(x) AS bq_as(CASE
  WHEN typeof(x) = 'BLOB' THEN translate(bq_text(x), 'abcdefghijklmnopqrstuvwxyz', 'ABCDEFGHIJKLMNOPQRSTUVWXYZ')
  ELSE bq_upper_of_text(bq_text(x))
END, x);
CREATE OR REPLACE MACRO bq_lower(x) AS bq_as(CASE
  WHEN typeof(x) = 'BLOB' THEN translate(bq_text(x), 'ABCDEFGHIJKLMNOPQRSTUVWXYZ', 'abcdefghijklmnopqrstuvwxyz')
  ELSE bq_lower_of_text(bq_text(x))
END, x);

-- DuckDB keeps the characters of a grapheme in their order.
CREATE OR REPLACE MACRO bq_reverse(x) AS bq_as(
  CASE WHEN bq_is_ascii(bq_text(x)) THEN reverse(bq_text(x)) ELSE bq_reverse_text(bq_text(x)) END, x
);

CREATE OR REPLACE MACRO bq_trim_text(x, y) AS trim(x, y);
CREATE OR REPLACE MACRO bq_ltrim_text(x, y) AS ltrim(x, y);
CREATE OR REPLACE MACRO bq_rtrim_text(x, y) AS rtrim(x, y);
CREATE OR REPLACE MACRO bq_trim(x, y) AS bq_as(trim(bq_text(x), bq_other_text(y, x)), x);
CREATE OR REPLACE MACRO bq_ltrim(x, y) AS bq_as(ltrim(bq_text(x), bq_other_text(y, x)), x);
CREATE OR REPLACE MACRO bq_rtrim(x, y) AS bq_as(rtrim(bq_text(x), bq_other_text(y, x)), x);

CREATE OR REPLACE MACRO bq_start(x, n) AS CASE
  WHEN n > 0 THEN bq_count(n)
  WHEN n = 0 OR n < -length(x) THEN 1
  ELSE n
END;
CREATE OR REPLACE MACRO bq_substr(x, n) AS bq_as(substr(bq_text(x), bq_start(bq_text(x), n)), x);
CREATE OR REPLACE MACRO bq_part(x, n, l, safe) AS bq_as(CASE
  WHEN l < 0 AND x IS NOT NULL AND n IS NOT NULL THEN
    CASE WHEN NOT safe THEN bq_error('Third argument in SUBSTR() cannot be negative') END
  ELSE substr(bq_text(x), bq_start(bq_text(x), n), bq_count(l))
END, x);
CREATE OR REPLACE MACRO bq_left(x, n, safe) AS bq_as(CASE
  WHEN n < 0 AND x IS NOT NULL THEN
    CASE WHEN NOT safe THEN bq_error('Second argument in LEFT() cannot be negative') END
  ELSE "left"(bq_text(x), bq_count(n))
END, x);
CREATE OR REPLACE MACRO bq_right(x, n, safe) AS bq_as(CASE
  WHEN n < 0 AND x IS NOT NULL THEN
    CASE WHEN NOT safe THEN bq_error('Second argument in RIGHT() cannot be negative') END
  ELSE "right"(bq_text(x), bq_count(n))
END, x);

-- Why a text cannot be padded, or NULL.
CREATE OR REPLACE MACRO bq_no_padding(n, y) AS CASE
  WHEN n < 0 THEN 'Second argument (output size) for LPAD/RPAD cannot be negative'
  WHEN y = '' THEN 'Third argument (pad pattern) for LPAD/RPAD cannot be empty'
  WHEN n > 1048576 THEN 'Output of LPAD/RPAD exceeds max allowed output size of 1MB'
END;
CREATE OR REPLACE MACRO bq_padded(x, n, y, safe, to_left) AS bq_as(CASE
  WHEN x IS NULL OR n IS NULL OR y IS NULL THEN NULL
  WHEN bq_no_padding(n, y) IS NOT NULL THEN CASE WHEN NOT safe THEN bq_error(bq_no_padding(n, y)) END
  WHEN to_left THEN lpad(bq_text(x), CAST(n AS INTEGER), y)
  ELSE rpad(bq_text(x), CAST(n AS INTEGER), y)
END, x);

CREATE OR REPLACE MACRO bq_no_repeat(x, n) AS CASE
  WHEN n < 0 THEN 'Second argument (repeat count) for REPEAT cannot be negative'
  WHEN n > 1048576 // greatest(length(x), 1) THEN 'Output of REPEAT exceeds max allowed output size of 1MB'
END;
CREATE OR REPLACE MACRO bq_repeat(x, n, safe) AS bq_as(CASE
  WHEN bq_no_repeat(bq_text(x), n) IS NOT NULL AND x IS NOT NULL THEN
    CASE WHEN NOT safe THEN bq_error(bq_no_repeat(bq_text(x), n)) END
  ELSE repeat(bq_text(x), n)
END, x);

CREATE OR REPLACE MACRO bq_replace(x, y, z) AS
  bq_as(replace(bq_text(x), bq_other_text(y, x), bq_other_text(z, x)), x);

CREATE OR REPLACE MACRO bq_characters(x) AS string_split(x, '');
CREATE OR REPLACE MACRO bq_translate(x, y, z, safe) AS bq_as(CASE
  WHEN x IS NOT NULL AND z IS NOT NULL
    AND len(list_distinct(bq_characters(bq_text(y)))) <> len(bq_characters(bq_text(y))) THEN
    CASE WHEN NOT safe THEN bq_error('Duplicate character in TRANSLATE source characters') END
  ELSE translate(bq_text(x), bq_other_text(y, x), bq_other_text(z, x))
END, x);

CREATE OR REPLACE MACRO bq_concat(x, y) AS x || y;

CREATE OR REPLACE MACRO bq_strpos(x, y) AS strpos(bq_text(x), bq_other_text(y, x));
CREATE OR REPLACE MACRO bq_instr(x, y, n, occurrence, safe) AS CASE
  WHEN x IS NOT NULL AND y IS NOT NULL AND (n = 0 AND occurrence IS NOT NULL OR occurrence <= 0 AND n IS NOT NULL) THEN
    CASE WHEN NOT safe THEN
      bq_error(CASE n WHEN 0 THEN 'Position must be non-zero' ELSE 'Occurrence must be positive' END) END
  ELSE bq_occurrence(bq_text(x), bq_other_text(y, x), n, occurrence)
END;
CREATE OR REPLACE MACRO bq_starts_with(x, y) AS starts_with(bq_text(x), bq_other_text(y, x));
CREATE OR REPLACE MACRO bq_ends_with(x, y) AS ends_with(bq_text(x), bq_other_text(y, x));

CREATE OR REPLACE MACRO bq_pieces(x, y) AS
  CASE WHEN y IS NOT NULL THEN string_split(bq_text(x), bq_other_text(y, x)) END;
CREATE OR REPLACE MACRO bq_split(x, y) AS bq_all_as(bq_pieces(x, y), x);
CREATE OR REPLACE MACRO bq_piece(x, y, n) AS CASE
  WHEN n > 0 THEN bq_count(n)
  WHEN n = 0 THEN 1
  ELSE greatest(len(bq_pieces(x, y)) + n + 1, 1)
END;
CREATE OR REPLACE MACRO bq_split_substr(x, y, n, l, safe) AS bq_as(CASE
  WHEN typeof(x) = 'BLOB' THEN bq_error('No matching signature for function SPLIT_SUBSTR: STRING is expected')
  WHEN x IS NULL OR y IS NULL OR n IS NULL OR l IS NULL THEN NULL
  WHEN bq_text(y) = '' THEN CASE WHEN NOT safe THEN bq_error('Delimiter of SPLIT_SUBSTR function must be non-empty') END
  WHEN l < 0 THEN CASE WHEN NOT safe THEN bq_error('Count of SPLIT_SUBSTR function must be non-negative') END
  ELSE array_to_string(
    list_slice(bq_pieces(x, y), bq_piece(x, y, n), bq_piece(x, y, n) + bq_count(l) - 1), bq_text(y)
  )
END, x);

CREATE OR REPLACE MACRO bq_unicode(x) AS CASE WHEN x = '' THEN 0 ELSE CAST(unicode(x) AS BIGINT) END;
CREATE OR REPLACE MACRO bq_ascii(x, safe) AS CASE
  WHEN bq_unicode(x) > 127 THEN CASE WHEN NOT safe THEN
    bq_error('Argument to ASCII is not a structurally valid ASCII string: ' || x)
  END
  ELSE bq_unicode(x)
END;
CREATE OR REPLACE MACRO bq_to_code_points(x) AS list_transform(
  list_filter(bq_characters(bq_text(x)), lambda c: c <> ''), lambda c: CAST(unicode(c) AS BIGINT)
);
CREATE OR REPLACE MACRO bq_is_code_point(c) AS c BETWEEN 0 AND 55295 OR c BETWEEN 57344 AND 1114111;
CREATE OR REPLACE MACRO bq_chr(c, safe) AS CASE
  WHEN NOT bq_is_code_point(c) THEN CASE WHEN NOT safe THEN bq_error('Invalid codepoint ' || c) END
  ELSE chr(CAST(c AS INTEGER))
END;
CREATE OR REPLACE MACRO bq_text_of_code_points(x, are_right, safe) AS CASE
  WHEN list_contains(list_transform(x, lambda c: c IS NULL), true) THEN NULL
  WHEN list_contains(are_right, false) THEN CASE WHEN NOT safe THEN bq_error('Invalid codepoint') END
  ELSE array_to_string(list_transform(x, lambda c: chr(CAST(c AS INTEGER))), '')
END;
CREATE OR REPLACE MACRO bq_code_points_to_string(x, safe) AS
  bq_text_of_code_points(x, list_transform(x, lambda c: bq_is_code_point(c)), safe);
CREATE OR REPLACE MACRO bq_code_points_to_bytes(x, safe) AS bq_as(
  bq_text_of_code_points(x, list_transform(x, lambda c: c BETWEEN 0 AND 255), safe), CAST(NULL AS BLOB)
);

CREATE OR REPLACE MACRO bq_distance(x, y) AS
  CASE WHEN bq_is_ascii(x) AND bq_is_ascii(y) THEN levenshtein(x, y) ELSE bq_text_distance(x, y) END;
CREATE OR REPLACE MACRO bq_bounded_distance(x, y, most, safe) AS CASE
  WHEN most IS NULL THEN NULL
  WHEN most < 0 THEN CASE WHEN NOT safe THEN bq_error('Max distance must be non-negative') END
  WHEN bq_distance(x, y) > most THEN most
  ELSE bq_distance(x, y)
END;

-- DuckDB finds LIKE with ESCAPE slower than LIKE without.
CREATE OR REPLACE MACRO bq_matches(x, y) AS CASE
  WHEN NOT contains(y, '\') THEN x LIKE y
  WHEN NOT regexp_full_match(y, '(?s)(?:[^\\]|\\.)*') AND x IS NOT NULL THEN
    bq_error('LIKE pattern ends with a backslash')
  ELSE x LIKE y ESCAPE '\'
END;
CREATE OR REPLACE MACRO bq_like(x, y) AS bq_matches(bq_text(x), bq_other_text(y, x));

CREATE OR REPLACE MACRO bq_regexp_contains(x, p) AS regexp_matches(bq_text(x), bq_other_text(p, x));

-- Capturing groups of a pattern: parentheses without a backslash and outside of brackets, but for (?: and (?i).
CREATE OR REPLACE MACRO bq_regexp_bare(p) AS regexp_replace(
  regexp_replace(p, '(?s)\\Q.*?(?:\\E|\z)|\\.', '', 'g'), '(?s)\[\^?\]?(?:\[:[a-z^]+:\]|[^\]])*\]', '', 'g'
);
CREATE OR REPLACE MACRO bq_occurrences(x, y) AS (length(x) - length(replace(x, y, ''))) // length(y);
CREATE OR REPLACE MACRO bq_groups_of(bare) AS
  bq_occurrences(bare, '(') - bq_occurrences(bare, '(?') + bq_occurrences(bare, '(?P<') + bq_occurrences(bare, '(?<');
CREATE OR REPLACE MACRO bq_regexp_groups(p) AS bq_groups_of(bq_regexp_bare(p));
-- The pattern with a group that captures what is to be extracted.
CREATE OR REPLACE MACRO bq_regexp_captured(p) AS CASE
  WHEN p IS NULL OR bq_regexp_groups(p) = 1 THEN p
  WHEN bq_regexp_groups(p) = 0 THEN '(' || p || ')'
  ELSE bq_error('Regular expressions passed into extraction functions must not have more than 1 capturing group')
END;

-- At the end of a text DuckDB finds an empty match that BigQuery does not.
CREATE OR REPLACE MACRO bq_regexp_before_end(p) AS '(?s)\A(.*)(?-s:' || p || ')\z';
CREATE OR REPLACE MACRO bq_regexp_ends(x, p) AS regexp_matches(x, bq_regexp_before_end(p))
  AND length(regexp_extract(x, bq_regexp_before_end(p), 1)) = length(x);
CREATE OR REPLACE MACRO bq_regexp_without_end(x, p, found) AS
  CASE WHEN len(found) > 1 AND coalesce(found[-1], '') = '' AND bq_regexp_ends(x, p) THEN found[:-2] ELSE found END;
CREATE OR REPLACE MACRO bq_regexp_found(x, p) AS
  bq_regexp_without_end(x, p, regexp_extract_all(x, bq_regexp_captured(p), 1));
CREATE OR REPLACE MACRO bq_regexp_extract_all(x, p) AS bq_all_as(
  list_transform(bq_regexp_found(bq_text(x), bq_other_text(p, x)), lambda found: coalesce(found, '')), x
);

-- regexp_extract() has '' for no match, and for a group that has no part in it.
CREATE OR REPLACE MACRO bq_regexp_first_of(x, captured) AS CASE
  WHEN regexp_extract(x, captured, 1) <> '' THEN regexp_extract(x, captured, 1)
  ELSE regexp_extract_all(x, captured, 1)[1]
END;
CREATE OR REPLACE MACRO bq_regexp_first(x, p) AS bq_regexp_first_of(x, bq_regexp_captured(p));
CREATE OR REPLACE MACRO bq_regexp_extract(x, p) AS bq_as(bq_regexp_first(bq_text(x), bq_other_text(p, x)), x);
-- Why nothing can be found, or NULL.
CREATE OR REPLACE MACRO bq_regexp_wrong(n, occurrence) AS CASE
  WHEN n IS NULL OR occurrence IS NULL THEN NULL
  WHEN n <= 0 THEN 'Position must be positive'
  WHEN occurrence <= 0 THEN 'Occurrence must be positive'
END;
CREATE OR REPLACE MACRO bq_regexp_nth(x, p, n, occurrence, safe) AS CASE
  WHEN x IS NULL OR p IS NULL OR n IS NULL OR occurrence IS NULL THEN NULL
  WHEN bq_regexp_wrong(n, occurrence) IS NOT NULL THEN
    CASE WHEN NOT safe THEN bq_error(bq_regexp_wrong(n, occurrence)) END
  WHEN n = 1 OR n <= length(x) THEN bq_regexp_found(substr(x, bq_count(n)), p)[bq_count(occurrence)]
END;
CREATE OR REPLACE MACRO bq_regexp_extract_nth(x, p, n, occurrence, safe) AS
  bq_as(bq_regexp_nth(bq_text(x), bq_other_text(p, x), n, occurrence, safe), x);

-- Why a replacement cannot be made, or NULL.
CREATE OR REPLACE MACRO bq_regexp_no_rewrite(p, y) AS CASE
  WHEN NOT contains(y, '\') THEN NULL
  WHEN NOT regexp_full_match(y, '(?s)(?:[^\\]|\\[0-9\\])*') THEN
    'Invalid REGEXP_REPLACE pattern: a backslash must be followed by a digit or a backslash'
  WHEN list_max(regexp_extract_all(replace(y, '\\', ''), '\\([0-9])', 1)) > CAST(bq_regexp_groups(p) AS VARCHAR) THEN
    'Invalid REGEXP_REPLACE pattern: more groups are requested than the regular expression has'
END;
CREATE OR REPLACE MACRO bq_regexp_replaced(x, p, y, safe) AS CASE
  WHEN x IS NOT NULL AND p IS NOT NULL AND bq_regexp_no_rewrite(p, y) IS NOT NULL THEN
    CASE WHEN NOT safe THEN bq_error(bq_regexp_no_rewrite(p, y)) END
  ELSE regexp_replace(x, p, y, 'g')
END;
CREATE OR REPLACE MACRO bq_regexp_replace(x, p, y, safe) AS
  bq_as(bq_regexp_replaced(bq_text(x), bq_other_text(p, x), bq_other_text(y, x), safe), x);

CREATE OR REPLACE MACRO bq_regexp_replace_all(x, p, y) AS regexp_replace(x, p, y, 'g');

-- Where a match of so many characters ends, the first one from where the one before ended; an empty one takes one more.
CREATE OR REPLACE MACRO bq_regexp_end(x, p, before, characters) AS least(
  length(regexp_extract(x, '(?s)\A(.{' || before || '}.*?)(?-s:' || p || ')', 1)) + greatest(characters, 1), length(x)
);
CREATE OR REPLACE MACRO bq_regexp_lengths(x, p) AS list_transform(
  bq_regexp_without_end(x, p, regexp_extract_all(x, p)), lambda found: coalesce(length(found), 0)
);
CREATE OR REPLACE MACRO bq_regexp_nth_end(x, p, occurrence) AS list_reduce(
  list_slice(bq_regexp_lengths(x, p), 1, occurrence),
  lambda before, characters: bq_regexp_end(x, p, before, characters),
  CAST(0 AS BIGINT)
);
CREATE OR REPLACE MACRO bq_regexp_at(x, p, occurrence, is_end) AS CASE
  WHEN p = '' OR len(bq_regexp_lengths(x, p)) < occurrence THEN NULL
  WHEN is_end = 1 THEN bq_regexp_nth_end(x, p, occurrence) + 1
  ELSE bq_regexp_nth_end(x, p, occurrence) + 1 - bq_regexp_lengths(x, p)[occurrence]
END;
CREATE OR REPLACE MACRO bq_regexp_position(x, p, n, occurrence, is_end, safe) AS CASE
  WHEN x IS NULL OR p IS NULL OR n IS NULL OR occurrence IS NULL OR is_end IS NULL THEN NULL
  WHEN bq_regexp_wrong(n, occurrence) IS NOT NULL THEN
    CASE WHEN NOT safe THEN bq_error(bq_regexp_wrong(n, occurrence)) END
  WHEN is_end NOT IN (0, 1) THEN
    CASE WHEN NOT safe THEN bq_error('Invalid return_position_after_match.') END
  WHEN bq_regexp_groups(p) > 0 THEN
    bq_error('REGEXP_INSTR with a capturing group is not offered by the local BigQuery')
  WHEN n > length(x) THEN 0
  ELSE coalesce(n - 1 + bq_regexp_at(substr(x, n), p, occurrence, is_end), 0)
END;
CREATE OR REPLACE MACRO bq_regexp_instr(x, p, n, occurrence, is_end, safe) AS
  bq_regexp_position(bq_text(x), bq_other_text(p, x), n, occurrence, is_end, safe);

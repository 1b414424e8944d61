-- What the ledger has of the objects whose address begins so: the newest generation that a run has read or found
-- unreadable, none where Cloud Storage gave no run any; and the one whose rows are landed, none where nothing is, or the
-- rows were removed.
SELECT source_uri, known, IF(error_type IS NULL AND bytes IS NOT NULL, generation, NULL) AS landed
FROM (
  SELECT source_uri, generation, bytes, error_type, finished,
    MAX(IF({% include 'sql/ledger/not_given.sql' %}, NULL, generation)) OVER (PARTITION BY source_uri) AS known
  FROM {{ dataset }}.ledger
  WHERE source = 'backfill' AND STARTS_WITH(source_uri, @prefix)
)
WHERE TRUE
QUALIFY ROW_NUMBER() OVER (PARTITION BY source_uri ORDER BY error_type IS NULL DESC, generation DESC, finished DESC) = 1

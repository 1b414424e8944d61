-- Objects in the bucket that no run had read when it was listed last; `sweep` and `arrivals` replace all rows.
CREATE TABLE IF NOT EXISTS {{ dataset }}.unread_objects (
  object STRING NOT NULL OPTIONS (description = 'Object, gs://...'),
  generation INT64 NOT NULL OPTIONS (description = 'Its generation'),
  size INT64 NOT NULL OPTIONS (description = 'Its size in bytes'),
  created TIMESTAMP NOT NULL OPTIONS (description = 'When this generation was written'),
  noticed_at TIMESTAMP NOT NULL OPTIONS (description = 'When it was first found unread'),
  reason STRING NOT NULL OPTIONS (description = 'new: no generation of it has been read; replaced: an earlier one has'),
  log_date DATE NOT NULL OPTIONS (description = 'Day in its name, where LOGLINE_SOURCE has {date}, else that on which it was written')
)
PARTITION BY DATE(noticed_at)
OPTIONS (
  description = 'One row for each object that no run had read when the bucket was listed last'
);

-- Takes the name from the table that rejected_lines was in release 0.1.0. BigQuery refuses that while rows are streamed into
-- it; afterwards a job of that release can append no more.
ALTER TABLE {{ dataset }}.rejected_lines RENAME TO {{ table_of_0_1_0 }};

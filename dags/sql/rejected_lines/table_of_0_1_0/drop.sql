-- All of its rows have been moved.
DROP TABLE {{ dataset }}.{{ table_of_0_1_0 }};

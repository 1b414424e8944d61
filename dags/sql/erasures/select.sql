-- What is to be erased, by its identity. A run that is repeated goes on with what it selected first: the figures that follow
-- from it must not be taken off twice.
CREATE TABLE IF NOT EXISTS {{ staging }}.erasure_{{ suffix }} AS
{% include 'sql/erasures/lines.sql' %}

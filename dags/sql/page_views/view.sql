-- Page views of people. BigQuery wants a filter on the partition of requests; where a query has one of its own, fewer days
-- are read.
CREATE OR REPLACE VIEW {{ dataset }}.page_views (
  log_date OPTIONS (description = 'Day in UTC: the column to restrict a query by'),
  timestamp OPTIONS (description = 'Instant of the request'),
  host OPTIONS (description = 'Virtual host, where the format has it'),
  path OPTIONS (description = 'Path of the page without query'),
  remote_addr OPTIONS (description = 'Address of the client'),
  user_agent OPTIONS (description = 'User-Agent header'),
  referer OPTIONS (description = 'Referer header'),
  referer_domain OPTIONS (description = 'Host of the referer in lower case, without port and www.; NULL where it is no URL with a host'),
  utm_source OPTIONS (description = 'Tag utm_source of the query in lower case; + and %20 are spaces, else percent-encoded as logged'),
  utm_medium OPTIONS (description = 'Tag utm_medium'),
  utm_campaign OPTIONS (description = 'Tag utm_campaign'),
  country OPTIONS (description = 'Country of the client'),
  asn OPTIONS (description = 'Number of the autonomous system of the client'),
  network OPTIONS (description = 'Holder of that system'),
  body_bytes_sent OPTIONS (description = 'Bytes of the response\'s body'),
  request_duration_ms OPTIONS (description = 'Milliseconds the server took, where the format has it')
)
OPTIONS (
  description = 'Requests that are page views, without crawlers: GET of a page, answered with a 2xx status or 304'
)
AS
SELECT
  log_date,
  timestamp,
  host,
  path,
  remote_addr,
  user_agent,
  referer,
  {% include 'sql/referer_sources/domain.sql' %} AS referer_domain,
  {% for parameter in ['source', 'medium', 'campaign'] %}
  {% include 'sql/page_views/utm.sql' %} AS utm_{{ parameter }},
  {% endfor %}
  country,
  asn,
  network,
  body_bytes_sent,
  request_duration_ms
FROM {{ dataset }}.requests
WHERE log_date > DATE '1970-01-01'
  AND NOT IFNULL(is_bot, FALSE)
  AND {% include 'sql/resource_kinds/is_page_view.sql' %};

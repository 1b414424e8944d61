log_date, timestamp, remote_addr, remote_user, method, path, query, protocol, status, body_bytes_sent, referer, user_agent,
browser, os, device, is_bot, host, request_duration_ms, raw_line_hash, event_id,
{{ source_column | default('source') }}, source_uri, source_offset, parser_version, ingested_at, forwarded_for,
agent_kind, agent_name, agent_operator, agent_verified,
country, asn, network,
sequence, sequence_source, connection

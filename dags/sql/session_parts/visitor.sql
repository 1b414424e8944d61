CONCAT(IFNULL(remote_addr, ''), ' ', IFNULL(CONCAT('=', host), ''), ' ', IFNULL(user_agent, ''))

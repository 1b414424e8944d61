IF(is_bot, NULL, CONCAT(IFNULL(remote_addr, ''), ' ', IFNULL(user_agent, '')))

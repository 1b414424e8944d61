{#- The daily tables that are made from daily_sessions. -#}
{%- set of_visits = ['daily_channels', 'daily_pages'] -%}

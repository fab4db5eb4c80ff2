// SPDX-License-Identifier: BSD-2-Clause
// The protocols that there are.
#include "dnsproxy/net/protocol.h"

#include "dnsproxy/wire/proxy_header.h"

#include <string.h>

// ---- DNS ----

static size_t
protocol_dns_measure(const uint8_t *bytes, size_t count)
{
  return count < DNS_PREFIX ? 0 : DNS_PREFIX + (size_t)(bytes[0] << 8 | bytes[1]);
}

static void
protocol_dns_wrap(uint8_t *head, uint8_t *tail, size_t size)
{
  (void)tail;
  head[0] = (uint8_t)(size >> 8);
  head[1] = (uint8_t)size;
}

const struct protocol protocol_dns = {.name = "dns",
                                      .measure = protocol_dns_measure,
                                      .head = DNS_PREFIX,
                                      .most = DNS_PREFIX + UINT16_MAX,
                                      .wrap = protocol_dns_wrap};

// ---- lines ----

static size_t
protocol_line_measure(const uint8_t *bytes, size_t count)
{
  const uint8_t *end = memchr(bytes, '\n', count);
  return end == NULL ? 0 : (size_t)(end - bytes) + 1;
}

static void
protocol_line_wrap(uint8_t *head, uint8_t *tail, size_t size)
{
  (void)head, (void)size;
  tail[0] = '\n';
}

const struct protocol protocol_lines = {
    .name = "lines", .measure = protocol_line_measure, .tail = 1, .most = LINE_MAX_SIZE, .wrap = protocol_line_wrap};

// ---- PROXY header ----

static size_t
protocol_proxy_measure(const uint8_t *bytes, size_t count)
{
  struct proxy_header header;
  switch (proxy_header_parse(bytes, count, PROXY_HEADER_FIXED + UINT16_MAX, &header)) {
  case PROXY_INVALID:
    return PROTOCOL_BROKEN;
  case PROXY_COMPLETE:
    return header.size;
  default:
    return count < PROXY_HEADER_FIXED ? 0 : header.size;
  }
}

const struct protocol protocol_proxy_header = {
    .name = "proxy", .measure = protocol_proxy_measure, .most = PROXY_HEADER_FIXED + UINT16_MAX};

// SPDX-License-Identifier: BSD-2-Clause
// Reading, writing and comparing socket addresses.
#include "dnsproxy/base/address.h"

#include "dnsproxy/base/hash.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// "53": digits alone, up to 65535.
static bool
address_parse_port(const char *text, uint16_t *port)
{
  uint32_t value = 0;
  if (*text == '\0')
    return false;
  for (; *text != '\0'; text++) {
    if (*text < '0' || *text > '9')
      return false;
    value = value * 10 + (uint32_t)(*text - '0');
    if (value > UINT16_MAX)
      return false;
  }
  *port = (uint16_t)value;
  return true;
}

// "eth0" or "2"; 0: no such interface.
static uint32_t
address_parse_scope(const char *text)
{
  uint32_t index = if_nametoindex(text);
  if (index > 0 || *text < '0' || *text > '9')
    return index;
  char *end;
  unsigned long value = strtoul(text, &end, 10);
  return *end == '\0' && value <= UINT32_MAX ? (uint32_t)value : 0;
}

// "127.1" is 127.0.0.1 and "5" is 0.0.0.5, as they always were for inet_aton(), which would let blanks follow.
static bool
address_parse_v4(struct address *a, char *text, uint16_t port)
{
  char *colon = strchr(text, ':');
  if (colon != NULL) {
    *colon = '\0';
    if (!address_parse_port(colon + 1, &port))
      return false;
  }
  *a = (struct address){.v4 = {.sin_family = AF_INET, .sin_port = htons(port)}};
  return text[strcspn(text, " \t\n\v\f\r")] == '\0' && inet_aton(text, &a->v4.sin_addr) != 0;
}

static bool
address_parse_v6(struct address *a, char *text, uint16_t port)
{
  if (*text == '[') {
    char *close = strchr(++text, ']');
    if (close == NULL || (close[1] != '\0' && (close[1] != ':' || !address_parse_port(close + 2, &port))))
      return false;
    *close = '\0';
  }
  *a = (struct address){.v6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)}};
  char *percent = strchr(text, '%');
  if (percent != NULL) {
    *percent = '\0';
    a->v6.sin6_scope_id = address_parse_scope(percent + 1);
    if (a->v6.sin6_scope_id == 0)
      return false;
  }
  return inet_pton(AF_INET6, text, &a->v6.sin6_addr) == 1;
}

bool
address_parse(struct address *a, const char *text, uint16_t port, struct fault *f)
{
  char copy[ADDRESS_TEXT_SIZE];
  size_t size = strlen(text);
  if (size < sizeof copy) {
    memcpy(copy, text, size + 1);
    char *colon = strchr(copy, ':');
    bool v6 = copy[0] == '[' || (colon != NULL && strchr(colon + 1, ':') != NULL);
    struct address parsed;
    if (v6 ? address_parse_v6(&parsed, copy, port) : address_parse_v4(&parsed, copy, port)) {
      *a = parsed;
      return true;
    }
  }
  return fault_set(f, FAULT_ADDRESS, "Unable to convert presentation address '%s'", text);
}

bool
address_from_raw(struct address *a, const void *bytes, size_t count, uint16_t port)
{
  if (count == 4) {
    *a = (struct address){.v4 = {.sin_family = AF_INET, .sin_port = htons(port)}};
    memcpy(&a->v4.sin_addr, bytes, count);
  } else if (count == 16) {
    *a = (struct address){.v6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)}};
    memcpy(&a->v6.sin6_addr, bytes, count);
  } else {
    return false;
  }
  return true;
}

static char *
address_v6_text(const struct address *a, char *out)
{
  inet_ntop(AF_INET6, &a->v6.sin6_addr, out, INET6_ADDRSTRLEN);
  if (a->v6.sin6_scope_id != 0) {
    char name[IF_NAMESIZE];
    size_t size = strlen(out);
    if (if_indextoname(a->v6.sin6_scope_id, name) != NULL)
      snprintf(out + size, ADDRESS_TEXT_SIZE - size, "%%%s", name);
    else
      snprintf(out + size, ADDRESS_TEXT_SIZE - size, "%%%u", (unsigned)a->v6.sin6_scope_id);
  }
  return out;
}

char *
address_text(const struct address *a, char *out)
{
  if (a->sa.sa_family == AF_INET)
    inet_ntop(AF_INET, &a->v4.sin_addr, out, ADDRESS_TEXT_SIZE);
  else if (a->sa.sa_family == AF_INET6)
    address_v6_text(a, out);
  else
    strcpy(out, "invalid");
  return out;
}

char *
address_text_with_port(const struct address *a, char *out)
{
  bool v6 = address_is_v6(a);
  out[0] = '[';
  address_text(a, v6 ? out + 1 : out);
  size_t size = strlen(out);
  if (address_is_set(a))
    snprintf(out + size, ADDRESS_TEXT_SIZE - size, v6 ? "]:%u" : ":%u", address_port(a));
  return out;
}

socklen_t
address_size(const struct address *a)
{
  return a->sa.sa_family == AF_INET ? sizeof a->v4 : a->sa.sa_family == AF_INET6 ? sizeof a->v6 : 0;
}

uint16_t
address_port(const struct address *a)
{
  return a->sa.sa_family == AF_INET ? ntohs(a->v4.sin_port) : a->sa.sa_family == AF_INET6 ? ntohs(a->v6.sin6_port) : 0;
}

void
address_set_port(struct address *a, uint16_t port)
{
  if (a->sa.sa_family == AF_INET)
    a->v4.sin_port = htons(port);
  else if (a->sa.sa_family == AF_INET6)
    a->v6.sin6_port = htons(port);
}

bool
address_is_v6(const struct address *a)
{
  return a->sa.sa_family == AF_INET6;
}

bool
address_is_set(const struct address *a)
{
  return a->sa.sa_family == AF_INET || a->sa.sa_family == AF_INET6;
}

bool
address_is_any(const struct address *a)
{
  if (a->sa.sa_family == AF_INET)
    return a->v4.sin_addr.s_addr == INADDR_ANY;
  return a->sa.sa_family == AF_INET6 && IN6_IS_ADDR_UNSPECIFIED(&a->v6.sin6_addr);
}

bool
address_is_mapped(const struct address *a)
{
  return a->sa.sa_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&a->v6.sin6_addr);
}

const uint8_t *
address_raw(const struct address *a, size_t *count)
{
  if (a->sa.sa_family == AF_INET6) {
    *count = sizeof a->v6.sin6_addr;
    return a->v6.sin6_addr.s6_addr;
  }
  *count = a->sa.sa_family == AF_INET ? sizeof a->v4.sin_addr : 0;
  return (const uint8_t *)&a->v4.sin_addr;
}

bool
address_equal(const struct address *a, const struct address *b)
{
  return address_equal_ip(a, b) && address_port(a) == address_port(b);
}

bool
address_equal_ip(const struct address *a, const struct address *b)
{
  size_t count;
  const uint8_t *bytes = address_raw(a, &count);
  return a->sa.sa_family == b->sa.sa_family && memcmp(bytes, address_raw(b, &count), count) == 0;
}

int
address_compare(const struct address *a, const struct address *b)
{
  if (a->sa.sa_family != b->sa.sa_family)
    return a->sa.sa_family < b->sa.sa_family ? -1 : 1;
  size_t count;
  const uint8_t *bytes = address_raw(a, &count);
  int order = memcmp(bytes, address_raw(b, &count), count);
  return order != 0 ? order : (int)address_port(a) - (int)address_port(b);
}

uint64_t
address_hash(const struct address *a, uint64_t seed)
{
  if (a->sa.sa_family == AF_INET)
    return hash_u64(a->v4.sin_addr.s_addr, seed);
  size_t count;
  const uint8_t *bytes = address_raw(a, &count);
  return hash_bytes(bytes, count, seed);
}

void
address_truncate(struct address *a, unsigned bits)
{
  size_t count;
  uint8_t *bytes = (uint8_t *)(uintptr_t)address_raw(a, &count);
  if (bits >= count * 8)
    return;
  bytes[bits / 8] &= (uint8_t)(0xff00u >> bits % 8);
  memset(bytes + bits / 8 + 1, 0, count - bits / 8 - 1);
}

// SPDX-License-Identifier: BSD-2-Clause
// Reading and writing PROXY headers.
#include "dnsproxy/wire/proxy_header.h"

#include "dnsproxy/wire/message.h"

#include <string.h>

enum { SIGNATURE_SIZE = 12, VERSION_2 = 0x20, LOCAL = 0, PROXY = 1, INET = 0x10, INET6 = 0x20, STREAM = 1, DATAGRAM = 2 };
enum { VALUE_HEAD = 3 };

static const uint8_t signature[SIGNATURE_SIZE] = "\r\n\r\n\0\r\nQUIT\n";

// ---- reading ----

static bool
proxy_header_values_are_whole(const struct proxy_header *h)
{
  size_t at = 0;
  while (h->values_size - at >= VALUE_HEAD) {
    size_t size = message_u16(h->values + at + 1);
    if (size > h->values_size - at - VALUE_HEAD)
      return false;
    at += VALUE_HEAD + size;
  }
  return at == h->values_size;
}

static bool
proxy_header_read_addresses(struct proxy_header *h, const uint8_t *body, size_t size, uint8_t family)
{
  size_t each = (family & 0xf0) == INET ? 4 : 16;
  if (size < 2 * each + 4)
    return false;
  address_from_raw(&h->source, body, each, message_u16(body + 2 * each));
  address_from_raw(&h->destination, body + each, each, message_u16(body + 2 * each + 2));
  h->values = body + 2 * each + 4;
  h->values_size = size - (2 * each + 4);
  return true;
}

enum proxy_parsed
proxy_header_parse(const uint8_t *bytes, size_t size, size_t maximum, struct proxy_header *out)
{
  *out = (struct proxy_header){.size = PROXY_HEADER_FIXED};
  if (memcmp(bytes, signature, size < SIGNATURE_SIZE ? size : SIGNATURE_SIZE) != 0)
    return PROXY_INVALID;
  if (size < PROXY_HEADER_FIXED)
    return PROXY_INCOMPLETE;
  uint8_t command = bytes[12], family = bytes[13];
  size_t body = message_u16(bytes + 14);
  out->size = PROXY_HEADER_FIXED + body;
  if ((command & 0xf0) != VERSION_2 || (command & 0x0f) > PROXY || out->size > maximum)
    return PROXY_INVALID;
  out->local = (command & 0x0f) == LOCAL;
  bool known = family == (INET | STREAM) || family == (INET | DATAGRAM) || family == (INET6 | STREAM) ||
               family == (INET6 | DATAGRAM);
  if (!out->local && !known)
    return PROXY_INVALID;
  if (size < out->size)
    return PROXY_INCOMPLETE;
  if (out->local)
    return PROXY_COMPLETE;
  return proxy_header_read_addresses(out, bytes + PROXY_HEADER_FIXED, body, family) && proxy_header_values_are_whole(out)
             ? PROXY_COMPLETE
             : PROXY_INVALID;
}

bool
proxy_header_value(const struct proxy_header *h, size_t *at, struct proxy_value *out)
{
  if (*at >= h->values_size)
    return false;
  const uint8_t *v = h->values + *at;
  *out = (struct proxy_value){.type = v[0], .size = message_u16(v + 1), .data = v + VALUE_HEAD};
  *at += VALUE_HEAD + out->size;
  return true;
}

// ---- writing ----

size_t
proxy_values_size(const struct proxy_value *v)
{
  size_t size = 0;
  for (; v != NULL; v = v->next)
    size += VALUE_HEAD + v->size;
  return size;
}

static void
proxy_header_put_fixed(uint8_t *out, uint8_t command, uint8_t family, size_t body)
{
  memcpy(out, signature, SIGNATURE_SIZE);
  out[12] = VERSION_2 | command;
  out[13] = family;
  message_put_u16(out + 14, (uint16_t)body);
}

size_t
proxy_header_put_local(uint8_t out[PROXY_HEADER_FIXED])
{
  proxy_header_put_fixed(out, LOCAL, 0, 0);
  return PROXY_HEADER_FIXED;
}

size_t
proxy_header_put_values(uint8_t *out, size_t capacity, const struct address *source, const struct address *destination,
                        bool stream, const struct proxy_value *values)
{
  size_t each, other, tail = proxy_values_size(values);
  const uint8_t *from = address_raw(source, &each), *to = address_raw(destination, &other);
  size_t body = each == other ? 2 * each + 4 + tail : 0;
  if (body > UINT16_MAX || PROXY_HEADER_FIXED + body > capacity)
    return 0;
  if (each != other) {
    proxy_header_put_fixed(out, PROXY, 0, 0); // family and transport unspecified, nothing behind
    return PROXY_HEADER_FIXED;
  }
  proxy_header_put_fixed(out, PROXY, (uint8_t)((each == 4 ? INET : INET6) | (stream ? STREAM : DATAGRAM)), body);
  uint8_t *at = out + PROXY_HEADER_FIXED;
  memcpy(at, from, each);
  memcpy(at + each, to, each);
  message_put_u16(at + 2 * each, address_port(source));
  message_put_u16(at + 2 * each + 2, address_port(destination));
  at += 2 * each + 4;
  for (const struct proxy_value *v = values; v != NULL; v = v->next) {
    at[0] = v->type;
    message_put_u16(at + 1, v->size);
    if (v->size > 0)
      memcpy(at + VALUE_HEAD, v->data, v->size);
    at += VALUE_HEAD + v->size;
  }
  return (size_t)(at - out);
}

size_t
proxy_header_put(uint8_t *out, const struct address *source, const struct address *destination, bool stream)
{
  return proxy_header_put_values(out, PROXY_HEADER_MAX, source, destination, stream, NULL);
}

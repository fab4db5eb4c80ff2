// SPDX-License-Identifier: BSD-2-Clause
// Writing PROXY headers.
#include "dnsproxy/wire/proxy_header.h"

#include "dnsproxy/wire/message.h"

#include <string.h>

size_t
proxy_header_put(uint8_t *out, const struct address *source, const struct address *destination, bool stream)
{
  enum { SIGNATURE_SIZE = 12, VERSION_2_PROXY = 0x21, STREAM = 1, DATAGRAM = 2 };
  static const uint8_t signature[SIGNATURE_SIZE] = "\r\n\r\n\0\r\nQUIT\n";
  size_t size, other;
  const uint8_t *from = address_raw(source, &size), *to = address_raw(destination, &other);
  memcpy(out, signature, SIGNATURE_SIZE);
  out[12] = VERSION_2_PROXY;
  if (size != other) {
    memset(out + 13, 0, 3); // family and transport unspecified, nothing behind
    return 16;
  }
  out[13] = (uint8_t)((size == 4 ? 0x10 : 0x20) | (stream ? STREAM : DATAGRAM));
  message_put_u16(out + 14, (uint16_t)(2 * size + 4));
  memcpy(out + 16, from, size);
  memcpy(out + 16 + size, to, size);
  message_put_u16(out + 16 + 2 * size, address_port(source));
  message_put_u16(out + 18 + 2 * size, address_port(destination));
  return 20 + 2 * size;
}

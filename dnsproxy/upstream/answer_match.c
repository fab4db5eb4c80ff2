// SPDX-License-Identifier: BSD-2-Clause
// Matching an answer against the query that waits for it.
#include "dnsproxy/upstream/answer_match.h"

#include "dnsproxy/wire/codes.h"

bool
answer_matches(const struct query *q, const uint8_t *answer, size_t size)
{
  if (size < HEADER_SIZE || (answer[2] & FLAG2_QR) == 0)
    return false;
  if (message_count(answer, 0) == 0) {
    unsigned rcode = message_rcode(answer);
    return (rcode != RCODE_NOERROR && rcode != RCODE_NXDOMAIN) || query_settings(q)->allow_empty_response;
  }
  size_t name_size = q->qname.size;
  if (size < HEADER_SIZE + name_size + 4)
    return false;
  const uint8_t *name = answer + HEADER_SIZE, *end = name + name_size;
  // Comparing as many bytes as the query's name has: a name that differs in length differs in its length bytes.
  return message_u16(end) == q->qtype && message_u16(end + 2) == q->qclass &&
         name_bytes_equal(name, name_size, q->qname.bytes, name_size);
}

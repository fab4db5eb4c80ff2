// SPDX-License-Identifier: BSD-2-Clause
// What a script's answer means: the dialect's action numbers, with their optional text, as effects and verdicts.
//
//   return DNSAction.Spoof, "192.0.2.1"  -->  the answer is made, VERDICT_STOP
//   return DNSAction.Pool, "slow"        -->  q->pool_name, VERDICT_STOP
//   return DNSAction.None                -->  VERDICT_NEXT
//
// Scripts, FFI functions, policies of dynamic blocks all speak in these numbers, and mean the same by them as the actions of
// that name; here each is one row of one switch. An unknown number, or a text that is missing where one is needed, means
// what the dialect makes of it. For answers the numbers that make no sense do nothing.
//
// Workers, or whoever has the query under the Lua lock.
#include "dnsproxy/base/param.h"
#include "dnsproxy/wire/codes.h"
#include "rules/act/self_answer.h"

#include <stdlib.h>
#include <string.h>

// Of a list in a text: more addresses than fit into any answer are not read.
enum { PIECES_MAX = 128, SPOOF_TTL = 60 };

static const struct answer_options spoof_options = {.flags = ANSWER_FLAGS_DEFAULT, .ttl = SPOOF_TTL};

// Answers with an rcode; RA, AA and AD stay as they were in the query.
static enum verdict
dialect_answer_rcode(struct query *q, unsigned rcode)
{
  struct answer_options options = {.flags = ANSWER_FLAGS_KEPT};
  struct answer_form form = answer_form_of(q, &options);
  return answer_made(q, compose_rcode(&q->packet, &form, rcode));
}

// The pieces of a text between separators; empty ones do not count. They point into the text.
static size_t
dialect_split(const struct bytes *text, const char *separators, struct bytes *pieces)
{
  size_t count = 0;
  const char *at = text->data, *end = text->data + text->size;
  while (at < end && count < PIECES_MAX) {
    const char *stop = at;
    while (stop < end && (*stop == '\0' || strchr(separators, *stop) == NULL))
      stop++;
    if (stop > at)
      pieces[count++] = (struct bytes){.data = at, .size = (size_t)(stop - at)};
    at = stop + 1;
  }
  return count;
}

static bool
dialect_piece_address(const struct bytes *piece, struct address *out)
{
  char text[ADDRESS_TEXT_SIZE];
  if (piece->size >= sizeof text)
    return false;
  memcpy(text, piece->data, piece->size);
  text[piece->size] = '\0';
  return address_parse(out, text, 0, NULL);
}

// One address or name, or several addresses, of which those that cannot be read are left out. Where none fits the type the
// answer is empty.
static enum verdict
dialect_spoof(struct query *q, const struct bytes *text)
{
  struct bytes pieces[PIECES_MAX];
  size_t pieces_count = dialect_split(text, " ,", pieces), count = 0;
  struct answer_form form = answer_form_of(q, &spoof_options);
  struct address addresses[PIECES_MAX];
  for (size_t i = 0; i < pieces_count; i++)
    if (dialect_piece_address(&pieces[i], &addresses[count]))
      count++;
  if (pieces_count != 1 || count == 1) {
    const struct address *mixed = shuffled(q, addresses, count, sizeof *mixed);
    answer_room_addresses(q, count);
    return answer_made(q, compose_addresses(&q->packet, &form, q->qtype, mixed, count));
  }
  struct name target;
  if (!name_from_text(&target, pieces[0].data, pieces[0].size, NULL))
    return verdict_drop(q, DROP_SCRIPT_ERROR);
  return answer_made(q, compose_cname(&q->packet, &form, &target));
}

static enum verdict
dialect_spoof_raw(struct query *q, const struct bytes *text)
{
  struct bytes pieces[PIECES_MAX];
  size_t count = dialect_split(text, ",", pieces);
  if (count == 0)
    return VERDICT_STOP;
  const struct bytes *mixed = shuffled(q, pieces, count, sizeof *mixed);
  struct answer_form form = answer_form_of(q, &spoof_options);
  answer_room_raw(q, mixed, count);
  return answer_made(q, compose_raw(&q->packet, &form, q->qtype, mixed, count));
}

static enum verdict
dialect_delay(struct query *q, const struct bytes *text)
{
  long ms = strtol(text->data, NULL, 10);
  q->limits.delay_ms = (uint16_t)(ms < 0 ? 0 : ms > UINT16_MAX ? UINT16_MAX : ms);
  return VERDICT_NEXT;
}

enum verdict
dialect_query_verdict(struct query *q, int64_t number, const struct bytes *text)
{
  static const struct bytes empty = {.data = ""};
  if (text == NULL)
    text = &empty;
  if (number < DNS_ACTION_DROP || number > DNS_ACTION_SET_TAG)
    return VERDICT_NEXT;
  switch ((enum dns_action)number) {
  case DNS_ACTION_DROP:
    return verdict_drop(q, DROP_RULE);
  case DNS_ACTION_NXDOMAIN:
    return dialect_answer_rcode(q, RCODE_NXDOMAIN);
  case DNS_ACTION_REFUSED:
    return dialect_answer_rcode(q, RCODE_REFUSED);
  case DNS_ACTION_SERVFAIL:
    return dialect_answer_rcode(q, RCODE_SERVFAIL);
  case DNS_ACTION_SPOOF:
    return dialect_spoof(q, text);
  case DNS_ACTION_SPOOF_RAW:
    return dialect_spoof_raw(q, text);
  case DNS_ACTION_SPOOF_PACKET:
    return text->size < HEADER_SIZE ? verdict_drop(q, DROP_SCRIPT_ERROR) : answer_packet(q, text->data, text->size);
  case DNS_ACTION_TRUNCATE:
    return answer_truncated(q);
  case DNS_ACTION_POOL:
    return query_set_pool(q, text->data, text->size) ? VERDICT_STOP : verdict_drop(q, DROP_NO_POOL);
  case DNS_ACTION_NO_RECURSE:
    q->packet.data[2] &= (uint8_t)~FLAG2_RD;
    return VERDICT_STOP;
  case DNS_ACTION_ALLOW:
  case DNS_ACTION_HEADER_MODIFY:
    return VERDICT_STOP;
  case DNS_ACTION_DELAY:
    return dialect_delay(q, text);
  case DNS_ACTION_NONE:
  case DNS_ACTION_NO_OP:
  case DNS_ACTION_SET_TAG:
    break;
  }
  return VERDICT_NEXT;
}

enum verdict
dialect_response_verdict(struct query *q, int64_t number, const struct bytes *text)
{
  static const struct bytes empty = {.data = ""};
  if (number < DNS_RESPONSE_ALLOW || number > DNS_RESPONSE_NONE)
    return VERDICT_NEXT;
  switch ((enum dns_response_action)number) {
  case DNS_RESPONSE_ALLOW:
  case DNS_RESPONSE_HEADER_MODIFY:
    return VERDICT_STOP;
  case DNS_RESPONSE_DROP:
    return verdict_drop(q, DROP_RESPONSE_RULE);
  case DNS_RESPONSE_SERVFAIL:
    q->packet.data[3] = (uint8_t)((q->packet.data[3] & ~FLAG3_RCODE) | RCODE_SERVFAIL);
    return VERDICT_STOP;
  case DNS_RESPONSE_TRUNCATE:
    return response_truncated(q);
  case DNS_RESPONSE_DELAY:
    return dialect_delay(q, text == NULL ? &empty : text);
  case DNS_RESPONSE_NONE:
    break;
  }
  return VERDICT_NEXT;
}

// SPDX-License-Identifier: BSD-2-Clause
// From records in presentation form to an answer in place of the query.
#include "services/dns_answer.h"

#include "dnsproxy/wire/codes.h"
#include "dnsproxy/wire/presentation.h"

#include <stdlib.h>
#include <string.h>

enum {
  UDP_SAFE_SIZE = 1232, // our own EDNS size, and the most we send: what passes any path unfragmented
  FIXED_SIZE = 10,      // type, class, TTL, RDLENGTH
  OPT_SIZE = 11,
  RCODE_PLAIN_MAX = 15,
  RECORDS_MAX = 1 << 20, // owners may still shrink to pointers: whether it fits is known when it is written
  POINTER_TO_QUESTION = 0xc000 | HEADER_SIZE,
};

// ---- from the script ----

static void
dns_answer_add_record(struct text *out, const struct presented_record *r)
{
  uint8_t fixed[FIXED_SIZE];
  message_put_u16(fixed, r->type);
  message_put_u16(fixed + 2, r->class);
  message_put_u32(fixed + 4, r->ttl);
  message_put_u16(fixed + 8, r->rdata_size);
  text_add(out, (const char *)r->owner.bytes, r->owner.size);
  text_add(out, (const char *)fixed, sizeof fixed);
  text_add(out, (const char *)r->rdata, r->rdata_size);
}

static bool
dns_answer_read_section(struct dns_answer *a, unsigned section, const struct dns_reply *reply, uint8_t *rdata,
                        struct fault *f)
{
  for (size_t i = 0; i < reply->counts[section]; i++) {
    struct presented_record r = {.rdata = rdata};
    const struct bytes *line = &reply->records[section][i];
    if (strlen(line->data) != line->size)
      return fault_set(f, FAULT_CAUGHT, "a record with a NUL byte in its text");
    if (!record_from_text(&r, line->data, f))
      return false;
    if (a->counts[section] == UINT16_MAX || a->records.size > RECORDS_MAX)
      return fault_set(f, FAULT_CAUGHT, "more records than fit into a DNS message");
    dns_answer_add_record(&a->records, &r);
    a->counts[section]++;
  }
  return true;
}

struct dns_answer *
dns_answer_new(const struct dns_reply *reply, struct fault *f)
{
  struct dns_answer *a = calloc(1, sizeof *a);
  size_t lines = reply->counts[0] + reply->counts[1] + reply->counts[2];
  uint8_t *rdata = lines > 0 ? malloc(PRESENTATION_RDATA_SIZE) : NULL;
  if (a == NULL || (lines > 0 && rdata == NULL)) {
    free(a);
    free(rdata);
    fault_set(f, FAULT_CAUGHT, "out of memory");
    return NULL;
  }
  a->rcode = reply->rcode;
  a->aa = reply->aa, a->ad = reply->ad, a->ra = reply->ra, a->tc = reply->tc;
  text_init(&a->records);
  for (unsigned section = 0; section < 3 && a != NULL; section++)
    if (!dns_answer_read_section(a, section, reply, rdata, f))
      dns_answer_free(&a);
  free(rdata);
  return a;
}

void
dns_answer_free(struct dns_answer **slot)
{
  struct dns_answer *a = *slot;
  if (a == NULL)
    return;
  *slot = NULL;
  text_fini(&a->records);
  free(a);
}

// ---- into the query ----

// A record of the answer: where its owner, fixed part and end are.
struct piece {
  const uint8_t *owner, *fixed, *end;
};

static bool
dns_answer_next_piece(const struct dns_answer *a, size_t *at, struct piece *p)
{
  if (*at >= a->records.size)
    return false;
  p->owner = (const uint8_t *)a->records.data + *at;
  p->fixed = p->owner + name_bytes_size(p->owner);
  p->end = p->fixed + FIXED_SIZE + message_u16(p->fixed + 8);
  *at += (size_t)(p->end - p->owner);
  return true;
}

static bool
dns_answer_is_question_name(const struct query *q, const struct piece *p)
{
  return q->question_end > HEADER_SIZE && q->qname.size > 1 &&
         name_bytes_equal(p->owner, (size_t)(p->fixed - p->owner), q->qname.bytes, q->qname.size);
}

static size_t
dns_answer_records_size(const struct query *q, const struct dns_answer *a)
{
  struct piece p;
  size_t sum = 0;
  for (size_t at = 0; dns_answer_next_piece(a, &at, &p);)
    sum += (size_t)(p.end - p.fixed) + (dns_answer_is_question_name(q, &p) ? 2 : (size_t)(p.fixed - p.owner));
  return sum;
}

static void
dns_answer_put(struct wire_buffer *b, const void *bytes, size_t size)
{
  memcpy(b->data + b->size, bytes, size);
  b->size += size;
}

static void
dns_answer_put_records(struct query *q, const struct dns_answer *a)
{
  struct wire_buffer *b = &q->packet;
  struct piece p;
  uint8_t pointer[2];
  message_put_u16(pointer, POINTER_TO_QUESTION);
  for (size_t at = 0; dns_answer_next_piece(a, &at, &p);) {
    if (dns_answer_is_question_name(q, &p))
      dns_answer_put(b, pointer, sizeof pointer);
    else
      dns_answer_put(b, p.owner, (size_t)(p.fixed - p.owner));
    dns_answer_put(b, p.fixed, (size_t)(p.end - p.fixed));
  }
  for (unsigned section = 1; section <= 3; section++)
    message_set_count(b->data, section, a->counts[section - 1]);
}

// A fresh header: what the client sent there, apart from opcode, RD and CD, means nothing in an answer.
static void
dns_answer_put_header(struct query *q, const struct dns_answer *a, bool truncated)
{
  uint8_t *m = q->packet.data;
  m[2] = (uint8_t)(FLAG2_QR | (m[2] & (FLAG2_OPCODE | FLAG2_RD)) | (a->aa > 0 ? FLAG2_AA : 0) |
                   (a->tc > 0 || truncated ? FLAG2_TC : 0));
  m[3] = (uint8_t)((m[3] & FLAG3_CD) | (a->ra > 0 ? FLAG3_RA : 0) | (a->ad > 0 ? FLAG3_AD : 0) |
                   (a->rcode & FLAG3_RCODE));
  message_set_count(m, 0, q->question_end > HEADER_SIZE);
}

static size_t
dns_answer_most_bytes(const struct query *q)
{
  if (query_takes_large(q))
    return MESSAGE_MAX_SIZE;
  size_t payload = q->edns.offset != 0 ? q->edns.payload : 0;
  return payload <= UDP_PLAIN_SIZE ? UDP_PLAIN_SIZE : payload < UDP_SAFE_SIZE ? payload : UDP_SAFE_SIZE;
}

bool
dns_answer_write(struct query *q, const struct dns_answer *a)
{
  bool opt = q->edns.offset != 0 || a->rcode > RCODE_PLAIN_MAX;
  size_t bare = q->question_end + (opt ? OPT_SIZE : 0u), need = bare + dns_answer_records_size(q, a);
  bool fits = need <= dns_answer_most_bytes(q);
  if (!fits && query_takes_large(q))
    return dns_answer_write_rcode(q, RCODE_SERVFAIL);
  if (!fits)
    need = bare;
  if (need > q->packet.capacity && !query_own_packet(q, q->packet.data, q->question_end, need))
    return false;
  dns_answer_put_header(q, a, !fits);
  message_cut_records(&q->packet, q->question_end);
  if (fits)
    dns_answer_put_records(q, a);
  if (opt)
    message_add_opt(&q->packet, UDP_SAFE_SIZE, (uint8_t)(a->rcode >> 4), q->edns.dnssec_ok, NULL, 0);
  return true;
}

bool
dns_answer_write_rcode(struct query *q, unsigned rcode)
{
  return dns_answer_write(q, &(struct dns_answer){.rcode = rcode, .aa = -1, .ad = -1, .ra = -1, .tc = -1});
}

// SPDX-License-Identifier: BSD-2-Clause
// Answers made in place of a query. Each function knows the size of its answer before it touches the message.
#include "dnsproxy/wire/compose.h"

#include "dnsproxy/base/param.h"
#include "dnsproxy/wire/codes.h"

#include <string.h>

enum { POINTER_TO_QUESTION = 0xc000 | HEADER_SIZE, RECORD_FIXED_SIZE = 10, OPT_FIXED_SIZE = 11, SOA_NUMBERS_SIZE = 20 };

// Cuts the query to its question and makes room for records of `size` bytes in all and the OPT; else changes nothing.
static bool
compose_start(struct wire_buffer *b, const struct answer_form *form, size_t size)
{
  size_t need = form->question_end + size + (form->edns.present ? OPT_FIXED_SIZE : 0);
  bool has_question = form->question_end > HEADER_SIZE;
  if (b->size < form->question_end || form->question_end < HEADER_SIZE || need > b->capacity || need > MESSAGE_MAX_SIZE ||
      (size > 0 && !has_question))
    return false;
  message_set_count(b->data, 0, has_question);
  memset(b->data + 6, 0, 6);
  b->size = form->question_end;
  return true;
}

static void
compose_set_bit(uint8_t *byte, uint8_t bit, bool on)
{
  *byte = (uint8_t)(on ? *byte | bit : *byte & ~bit);
}

enum { KEPT = -2 }; // of ANSWER_FLAGS_KEPT

static void
compose_set_header(uint8_t *m, const struct answer_flags *flags, unsigned rcode)
{
  m[2] |= FLAG2_QR;
  if (flags->aa >= 0)
    compose_set_bit(&m[2], FLAG2_AA, flags->aa);
  if (flags->ad != KEPT)
    compose_set_bit(&m[3], FLAG3_AD, flags->ad > 0);
  if (flags->ra != KEPT)
    compose_set_bit(&m[3], FLAG3_RA, flags->ra >= 0 ? flags->ra : m[2] & FLAG2_RD);
  m[3] = (uint8_t)((m[3] & ~FLAG3_RCODE) | (rcode & FLAG3_RCODE));
}

static void
compose_count_up(struct wire_buffer *b, unsigned section)
{
  message_set_count(b->data, section, (uint16_t)(message_count(b->data, section) + 1));
}

static void
compose_put_bytes(struct wire_buffer *b, const void *bytes, size_t size)
{
  if (size > 0)
    memcpy(b->data + b->size, bytes, size);
  b->size += size;
}

// Type, class, TTL and RDLENGTH behind an owner; counts the record.
static void
compose_put_fixed(struct wire_buffer *b, unsigned section, const struct record_data *r)
{
  uint8_t *at = b->data + b->size;
  message_put_u16(at, r->type);
  message_put_u16(at + 2, r->class);
  message_put_u32(at + 4, r->ttl);
  message_put_u16(at + 8, (uint16_t)r->rdata_size);
  b->size += RECORD_FIXED_SIZE;
  compose_count_up(b, section);
}

static size_t
compose_owner_size(const struct record_data *r)
{
  return r->owner != NULL ? r->owner->size : 2;
}

// There is room.
static void
compose_put_record(struct wire_buffer *b, unsigned section, const struct record_data *r)
{
  if (r->owner != NULL) {
    compose_put_bytes(b, r->owner->bytes, r->owner->size);
  } else {
    message_put_u16(b->data + b->size, POINTER_TO_QUESTION);
    b->size += 2;
  }
  compose_put_fixed(b, section, r);
  compose_put_bytes(b, r->rdata, r->rdata_size);
}

static void
compose_put_answer(struct wire_buffer *b, const struct answer_form *form, uint16_t type, const void *rdata, size_t size)
{
  compose_put_record(
      b, 1, &(struct record_data){.type = type, .class = form->class, .ttl = form->ttl, .rdata = rdata, .rdata_size = size});
}

// The OPT, for which start() has kept room: it comes last.
static void
compose_finish(struct wire_buffer *b, const struct answer_form *form, unsigned rcode)
{
  compose_set_header(b->data, &form->flags, rcode);
  if (!form->edns.present)
    return;
  compose_put_bytes(b, "", 1);
  compose_put_fixed(b, 3,
                    &(struct record_data){.type = QTYPE_OPT,
                                          .class = form->edns.payload,
                                          .ttl = (uint32_t)(rcode >> 4 & 0xff) << 24 | (form->edns.dnssec_ok ? 0x8000 : 0)});
}

bool
compose_rcode(struct wire_buffer *b, const struct answer_form *form, unsigned rcode)
{
  if (!compose_start(b, form, 0))
    return false;
  compose_finish(b, form, rcode);
  return true;
}

bool
compose_truncated(struct wire_buffer *b, const struct answer_form *form)
{
  struct answer_form cleared = *form;
  cleared.flags = (struct answer_flags){.aa = 0, .ad = 0, .ra = -1};
  if (!compose_rcode(b, &cleared, RCODE_NOERROR))
    return false;
  b->data[2] |= FLAG2_TC;
  return true;
}

// Raw bytes of an address that answers this type; NULL if it does not.
static const uint8_t *
compose_fitting_address(const struct address *address, uint16_t qtype, size_t *size)
{
  uint16_t type = address_is_v6(address) ? QTYPE_AAAA : QTYPE_A;
  return qtype == type || qtype == QTYPE_ANY ? address_raw(address, size) : NULL;
}

bool
compose_addresses(struct wire_buffer *b, const struct answer_form *form, uint16_t qtype, const struct address *addresses, size_t count)
{
  size_t need = 0, size;
  for (size_t i = 0; i < count; i++)
    if (compose_fitting_address(&addresses[i], qtype, &size) != NULL)
      need += 2 + RECORD_FIXED_SIZE + size;
  if (!compose_start(b, form, need))
    return false;
  for (size_t i = 0; i < count; i++) {
    const uint8_t *raw = compose_fitting_address(&addresses[i], qtype, &size);
    if (raw != NULL)
      compose_put_answer(b, form, size == 16 ? QTYPE_AAAA : QTYPE_A, raw, size);
  }
  compose_finish(b, form, RCODE_NOERROR);
  return true;
}

bool
compose_cname(struct wire_buffer *b, const struct answer_form *form, const struct name *target)
{
  if (!compose_start(b, form, 2 + RECORD_FIXED_SIZE + (size_t)target->size))
    return false;
  compose_put_answer(b, form, QTYPE_CNAME, target->bytes, target->size);
  compose_finish(b, form, RCODE_NOERROR);
  return true;
}

bool
compose_raw(struct wire_buffer *b, const struct answer_form *form, uint16_t type, const struct bytes *rdata, size_t count)
{
  return compose_raw_and_more(b, form, type, rdata, count, NULL, 0);
}

bool
compose_raw_and_more(struct wire_buffer *b, const struct answer_form *form, uint16_t type, const struct bytes *rdata,
                     size_t count, const struct record_data *more, size_t more_count)
{
  size_t need = 0;
  for (size_t i = 0; i < more_count && need <= MESSAGE_MAX_SIZE; i++)
    need += compose_owner_size(&more[i]) + RECORD_FIXED_SIZE + more[i].rdata_size;
  for (size_t i = 0; i < count; i++) {
    if (rdata[i].size > MESSAGE_MAX_SIZE || need > MESSAGE_MAX_SIZE)
      return false;
    need += 2 + RECORD_FIXED_SIZE + rdata[i].size;
  }
  if (!compose_start(b, form, need))
    return false;
  for (size_t i = 0; i < count; i++)
    compose_put_answer(b, form, type, rdata[i].data, rdata[i].size);
  for (size_t i = 0; i < more_count; i++)
    compose_put_record(b, 3, &more[i]);
  compose_finish(b, form, RCODE_NOERROR);
  return true;
}

static void
compose_put_u32(struct wire_buffer *b, uint32_t number)
{
  message_put_u32(b->data + b->size, number);
  b->size += 4;
}

bool
compose_negative(struct wire_buffer *b, const struct answer_form *form, bool nxdomain, const struct soa *soa, bool in_authority)
{
  size_t rdata_size = (size_t)soa->mname.size + soa->rname.size + SOA_NUMBERS_SIZE;
  if (!compose_start(b, form, soa->zone.size + RECORD_FIXED_SIZE + rdata_size))
    return false;
  compose_put_bytes(b, soa->zone.bytes, soa->zone.size);
  compose_put_fixed(
      b, in_authority ? 2 : 3,
      &(struct record_data){.type = QTYPE_SOA, .class = form->class, .ttl = form->ttl, .rdata_size = rdata_size});
  compose_put_bytes(b, soa->mname.bytes, soa->mname.size);
  compose_put_bytes(b, soa->rname.bytes, soa->rname.size);
  compose_put_u32(b, soa->serial);
  compose_put_u32(b, soa->refresh);
  compose_put_u32(b, soa->retry);
  compose_put_u32(b, soa->expire);
  compose_put_u32(b, soa->minimum);
  compose_finish(b, form, nxdomain ? RCODE_NXDOMAIN : RCODE_NOERROR);
  return true;
}

bool
compose_append(struct wire_buffer *b, unsigned section, const struct record_data *r)
{
  size_t end = message_proper_size(b->data, b->size);
  if (end == 0 || section < 1 || section > 3 || r->rdata_size > UINT16_MAX)
    return false;
  for (unsigned later = section + 1; later <= 3; later++)
    if (message_count(b->data, later) > 0)
      return false;
  size_t need = end + compose_owner_size(r) + RECORD_FIXED_SIZE + r->rdata_size;
  if (need > b->capacity || need > MESSAGE_MAX_SIZE || (r->owner == NULL && message_count(b->data, 0) == 0))
    return false;
  b->size = end;
  compose_put_record(b, section, r);
  return true;
}

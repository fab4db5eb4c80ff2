// SPDX-License-Identifier: BSD-2-Clause
// Writing a message anew: a small compressor and a table of the names in RDATA.
#include "dnsproxy/wire/rebuild.h"

#include "dnsproxy/wire/codes.h"
#include "dnsproxy/wire/words.h"

#include <string.h>

enum {
  SUFFIX_SLOTS = 512, // a power of two
  SUFFIX_PROBES = 4,
  POINTER_REACH = 0x4000,
  RECORD_FIXED_SIZE = 10,
};

// A name, or the tail of one, that has been written: pointers may lead there.
struct suffix {
  uint16_t tag, at; // at 0: free slot
};

struct writer {
  size_t size, limit;
  struct suffix suffixes[SUFFIX_SLOTS];
  uint8_t data[MESSAGE_MAX_SIZE];
};

static bool
rebuild_put_bytes(struct writer *w, const uint8_t *bytes, size_t count)
{
  if (count > w->limit - w->size)
    return false;
  memcpy(w->data + w->size, bytes, count);
  w->size += count;
  return true;
}

// Is the name written at `at` these bytes exactly? Pointers in w->data are its own: they go backwards.
static bool
rebuild_is_written_at(const struct writer *w, size_t at, const uint8_t *bytes)
{
  for (;;) {
    while (w->data[at] >= 0xc0)
      at = (size_t)(w->data[at] & 0x3f) << 8 | w->data[at + 1];
    size_t label = w->data[at];
    if (label != *bytes || memcmp(w->data + at + 1, bytes + 1, label) != 0)
      return false;
    if (label == 0)
      return true;
    at += label + 1;
    bytes += label + 1;
  }
}

// Offset at which this tail of a name has been written, 0 if it has not.
static size_t
rebuild_find_suffix(const struct writer *w, const uint8_t *bytes, uint64_t hash)
{
  for (unsigned i = 0; i < SUFFIX_PROBES; i++) {
    const struct suffix *s = &w->suffixes[(hash + i) % SUFFIX_SLOTS];
    if (s->at == 0)
      return 0;
    if (s->tag == hash >> 48 && rebuild_is_written_at(w, s->at, bytes))
      return s->at;
  }
  return 0;
}

// Only for names written to their end: find_suffix() reads them.
static void
rebuild_note_suffix(struct writer *w, uint64_t hash, size_t at)
{
  for (unsigned i = 0; i < SUFFIX_PROBES && at < POINTER_REACH; i++) {
    struct suffix *s = &w->suffixes[(hash + i) % SUFFIX_SLOTS];
    if (s->at == 0) {
      *s = (struct suffix){.tag = (uint16_t)(hash >> 48), .at = (uint16_t)at};
      return;
    }
  }
}

// The labels up to the first tail that has been written before, then a pointer to it or the root.
static bool
rebuild_put_compressed(struct writer *w, const struct name *name)
{
  uint8_t labels[NAME_MAX_LABELS], pointer[2];
  uint64_t hashes[NAME_MAX_LABELS], hash = 0;
  unsigned count = 0, written = 0;
  size_t start = w->size, target = 0;
  for (unsigned at = 0; name->bytes[at] != 0; at += 1u + name->bytes[at])
    labels[count++] = (uint8_t)at;
  for (unsigned i = count; i-- > 0;)
    hashes[i] = hash = word_hash(name->bytes + labels[i], 1u + name->bytes[labels[i]], hash);
  while (written < count && (target = rebuild_find_suffix(w, name->bytes + labels[written], hashes[written])) == 0)
    written++;
  message_put_u16(pointer, (uint16_t)(0xc000 | target));
  if (!rebuild_put_bytes(w, name->bytes, written < count ? labels[written] : name->size) ||
      (target != 0 && !rebuild_put_bytes(w, pointer, sizeof pointer)))
    return false;
  for (unsigned i = 0; i < written; i++)
    rebuild_note_suffix(w, hashes[i], start + labels[i]);
  return true;
}

// Where names are in the RDATA of types older than RFC 3597, which may hold compression pointers.
struct layout {
  uint16_t type;
  uint8_t skip;    // bytes before the first name
  uint8_t strings; // character strings behind those
  uint8_t names;
  bool compress;   // RFC 1035 types alone
};

enum { MD = 3, MF = 4, RT = 21, PX = 26, NXT = 30 }; // too old for qtypes.def

static const struct layout *
rebuild_find_layout(uint16_t type)
{
  static const struct layout layouts[] = {
    {QTYPE_NS, 0, 0, 1, true},     {QTYPE_CNAME, 0, 0, 1, true}, {QTYPE_SOA, 0, 0, 2, true},   {QTYPE_PTR, 0, 0, 1, true},
    {QTYPE_MX, 2, 0, 1, true},     {QTYPE_MB, 0, 0, 1, true},    {QTYPE_MG, 0, 0, 1, true},    {QTYPE_MR, 0, 0, 1, true},
    {QTYPE_MINFO, 0, 0, 2, true},  {MD, 0, 0, 1, true},          {MF, 0, 0, 1, true},          {QTYPE_RP, 0, 0, 2, false},
    {QTYPE_AFSDB, 2, 0, 1, false}, {RT, 2, 0, 1, false},         {QTYPE_SIG, 18, 0, 1, false}, {PX, 2, 0, 2, false},
    {NXT, 0, 0, 1, false},         {QTYPE_SRV, 6, 0, 1, false},  {QTYPE_KX, 2, 0, 1, false},   {QTYPE_NAPTR, 4, 3, 1, false},
    {QTYPE_DNAME, 0, 0, 1, false}, {QTYPE_NSEC, 0, 0, 1, false}, {QTYPE_RRSIG, 18, 0, 1, false},
  };
  for (size_t i = 0; i < sizeof layouts / sizeof layouts[0]; i++)
    if (layouts[i].type == type)
      return &layouts[i];
  return NULL;
}

// What is being read: a record of it at a time.
struct source {
  const uint8_t *message;
  size_t size;
};

static bool
rebuild_put_rdata(struct writer *w, const struct source *from, const struct record *r)
{
  const struct layout *layout = r->rdata_size > 0 ? rebuild_find_layout(r->type) : NULL;
  size_t at = r->rdata, start = r->rdata;
  if (layout != NULL) {
    at += layout->skip;
    for (unsigned i = 0; i < layout->strings && at < r->end; i++)
      at += 1u + from->message[at];
    if (at >= r->end || !rebuild_put_bytes(w, from->message + start, at - start))
      return false;
    for (unsigned i = 0; i < layout->names; i++) {
      struct name name;
      at = message_name(from->message, r->end, at, &name);
      if (at == 0 || !(layout->compress ? rebuild_put_compressed(w, &name) : rebuild_put_bytes(w, name.bytes, name.size)))
        return false;
    }
    start = at;
  }
  return rebuild_put_bytes(w, from->message + start, r->end - start);
}

static bool
rebuild_put_record(struct writer *w, const struct source *from, const struct record *r, const struct name *owner)
{
  if (!rebuild_put_compressed(w, owner) || !rebuild_put_bytes(w, from->message + r->fixed, RECORD_FIXED_SIZE))
    return false;
  size_t rdata = w->size;
  if (!rebuild_put_rdata(w, from, r) || w->size - rdata > UINT16_MAX)
    return false;
  message_put_u16(w->data + rdata - 2, (uint16_t)(w->size - rdata));
  return true;
}

static bool
rebuild_put_opt(struct writer *w, const struct source *from, const struct record *r, const struct rebuild *change)
{
  uint8_t size[2];
  if (change->new_options_size > UINT16_MAX)
    return false;
  message_put_u16(size, (uint16_t)change->new_options_size);
  return rebuild_put_bytes(w, (const uint8_t *)"", 1) &&
         rebuild_put_bytes(w, from->message + r->fixed, RECORD_FIXED_SIZE - 2) && rebuild_put_bytes(w, size, sizeof size) &&
         rebuild_put_bytes(w, change->new_options, change->new_options_size);
}

// Copies the questions; *old becomes the name of the first.
static bool
rebuild_put_questions(struct writer *w, const struct source *from, const struct rebuild *change, struct name *old)
{
  size_t at = HEADER_SIZE;
  unsigned count = message_count(from->message, 0);
  for (unsigned i = 0; i < count; i++) {
    struct name name;
    at = message_name(from->message, from->size, at, &name);
    if (at == 0 || from->size - at < 4)
      return false;
    if (i == 0)
      *old = name;
    if (!rebuild_put_compressed(w, i == 0 && change->rename != NULL ? change->rename : &name) ||
        !rebuild_put_bytes(w, from->message + at, 4))
      return false;
    at += 4;
  }
  return count > 0 || change->rename == NULL;
}

static bool
rebuild_is_dropped(const struct record *r, bool is_opt, const struct rebuild *change)
{
  if (is_opt)
    return change->drop_opt;
  for (size_t i = 0; i < change->drop_count; i++)
    if (change->drop_types[i] == r->type && r->type != QTYPE_OPT)
      return true;
  return false;
}

static bool
rebuild_put_records(struct writer *w, const struct source *from, const struct rebuild *change, const struct name *old)
{
  struct record_walk walk;
  struct record r;
  bool opt_seen = false;
  unsigned dropped[4] = {0};
  if (!record_walk_init(&walk, from->message, from->size))
    return false;
  while (record_next(&walk, &r)) {
    struct name owner;
    bool is_opt = r.section == 3 && r.type == QTYPE_OPT && r.fixed - r.owner == 1;
    bool new_options = is_opt && !opt_seen && change->new_options != NULL;
    opt_seen = opt_seen || is_opt;
    if (rebuild_is_dropped(&r, is_opt, change)) {
      dropped[r.section]++;
      continue;
    }
    if (message_name(from->message, from->size, r.owner, &owner) == 0)
      return false;
    const struct name *written = change->rename != NULL && name_equal(&owner, old) ? change->rename : &owner;
    if (!(new_options ? rebuild_put_opt(w, from, &r, change) : rebuild_put_record(w, from, &r, written)))
      return false;
  }
  for (unsigned section = 1; section <= 3; section++)
    message_set_count(w->data, section, (uint16_t)(message_count(from->message, section) - dropped[section]));
  return !walk.malformed;
}

bool
rebuild_message(struct wire_buffer *b, const struct rebuild *change)
{
  struct writer w; // data is written before it is read: only the head needs clearing
  struct source from = {b->data, b->size};
  struct name old;
  w.size = 0;
  w.limit = b->capacity < MESSAGE_MAX_SIZE ? b->capacity : MESSAGE_MAX_SIZE;
  memset(w.suffixes, 0, sizeof w.suffixes);
  if (b->size < HEADER_SIZE || !rebuild_put_bytes(&w, b->data, HEADER_SIZE) ||
      !rebuild_put_questions(&w, &from, change, &old) || !rebuild_put_records(&w, &from, change, &old))
    return false;
  memcpy(b->data, w.data, w.size);
  b->size = w.size;
  return true;
}

// SPDX-License-Identifier: BSD-2-Clause
// Changing messages in place: TTLs, cutting records, renaming the question, removing types; the OPT record and its options.
//
// What only shortens or overwrites is done where it stands. As soon as bytes would move that a compression pointer may lead
// to, the message is written anew (rebuild_message()). An OPT that is the last record, as nearly all are, is the easy case:
// nothing points behind it. Every function looks before it writes, so that false leaves the message as it was.
#include "dnsproxy/wire/rewrite.h"

#include "dnsproxy/wire/codes.h"
#include "dnsproxy/wire/words.h"

#include <string.h>

bool
message_ttls(const uint8_t *message, size_t size, struct ttl_list *list)
{
  struct record_walk walk;
  struct record r;
  list->count = 0;
  list->minimum = UINT32_MAX;
  list->soa_in_authority = list->odd_opt = false;
  bool has_opt = false;
  if (!record_walk_init(&walk, message, size))
    return false;
  while (record_next(&walk, &r)) {
    if (r.type == QTYPE_OPT) {
      list->odd_opt |= r.rdata_size > 0 && (has_opt || r.section != 3 || message[r.owner] != 0);
      has_opt = true;
      continue;
    }
    if (list->count >= list->capacity)
      return false;
    list->offsets[list->count++] = (uint16_t)(r.fixed + 4);
    if (r.ttl < list->minimum)
      list->minimum = r.ttl;
    if (r.section == 2 && r.type == QTYPE_SOA)
      list->soa_in_authority = true;
  }
  return !walk.malformed;
}

bool
message_edit_ttls(struct wire_buffer *b, ttl_edit_fn edit, void *arg)
{
  struct record_walk walk;
  struct record r;
  if (!record_walk_init(&walk, b->data, b->size))
    return false;
  while (record_next(&walk, &r))
    if (r.type != QTYPE_OPT)
      message_put_u32(b->data + r.fixed + 4, edit(r.section, r.class, r.type, r.ttl, arg));
  return !walk.malformed;
}

struct ttl_limits {
  uint32_t min, max;
};

static uint32_t
rewrite_clamp_ttl(unsigned section, uint16_t class, uint16_t type, uint32_t ttl, void *arg)
{
  const struct ttl_limits *limits = arg;
  (void)section, (void)class, (void)type;
  if (ttl < limits->min)
    ttl = limits->min;
  return ttl > limits->max ? limits->max : ttl;
}

bool
message_limit_ttls(struct wire_buffer *b, uint32_t min, uint32_t max)
{
  struct ttl_limits limits = {min, max};
  return message_edit_ttls(b, rewrite_clamp_ttl, &limits);
}

void
message_cut_records(struct wire_buffer *b, size_t question_end)
{
  if (b->size < HEADER_SIZE)
    return;
  if (message_count(b->data, 0) == 0 || question_end < HEADER_SIZE || question_end > b->size)
    question_end = HEADER_SIZE; // an answer without the question, as some errors are
  message_set_count(b->data, 0, question_end > HEADER_SIZE);
  memset(b->data + 6, 0, 6);
  b->size = question_end;
}

void
message_truncate(struct wire_buffer *b, size_t question_end, const struct edns *edns)
{
  if (b->size < HEADER_SIZE)
    return;
  message_cut_records(b, question_end);
  b->data[2] |= FLAG2_TC;
  if (edns != NULL && edns->offset != 0)
    message_add_opt(b, edns->payload, edns->extended_rcode, edns->dnssec_ok, NULL, 0);
}

// A message whose only record, if any, has no name but the root: its bytes may move.
static bool
rewrite_is_plain_query(const struct wire_buffer *b, size_t question_end)
{
  const uint8_t *m = b->data;
  if (message_count(m, 0) != 1 || message_count(m, 1) != 0 || message_count(m, 2) != 0)
    return false;
  struct edns edns;
  return message_count(m, 3) == 0 ||
         (message_count(m, 3) == 1 && message_edns(m, b->size, question_end, &edns) && edns.offset == question_end);
}

bool
message_rename(struct wire_buffer *b, const struct name *to)
{
  struct question q;
  if (to->size == 0 || !message_question(b->data, b->size, &q))
    return false;
  if (!rewrite_is_plain_query(b, q.end))
    return rebuild_message(b, &(struct rebuild){.rename = to});
  size_t behind = HEADER_SIZE + (size_t)q.name.size, new_size = b->size - q.name.size + to->size;
  if (new_size > b->capacity || new_size > MESSAGE_MAX_SIZE)
    return false;
  memmove(b->data + HEADER_SIZE + to->size, b->data + behind, b->size - behind);
  memcpy(b->data + HEADER_SIZE, to->bytes, to->size);
  b->size = new_size;
  return true;
}

static bool
rewrite_has_type(const uint16_t *types, size_t count, uint16_t type)
{
  for (size_t i = 0; i < count; i++)
    if (types[i] == type)
      return true;
  return false;
}

bool
message_remove_types(struct wire_buffer *b, const uint16_t *types, size_t count)
{
  struct record_walk walk;
  struct record r;
  bool found = false;
  if (!record_walk_init(&walk, b->data, b->size))
    return false;
  while (record_next(&walk, &r))
    found = found || (r.type != QTYPE_OPT && rewrite_has_type(types, count, r.type));
  if (walk.malformed || !found)
    return !walk.malformed;
  return rebuild_message(b, &(struct rebuild){.drop_types = types, .drop_count = count});
}

// ---- the OPT record and its options (RFC 6891) ----

enum { OPT_FIXED_SIZE = 11, OPTION_HEAD_SIZE = 4 };

// The OPT record of a whole message: where it is and whether anything counted follows it.
struct place {
  struct edns edns;
  size_t proper_size;
  bool is_last;
};

static bool
rewrite_find_place(const struct wire_buffer *b, struct place *place)
{
  struct record_walk walk;
  struct record r;
  memset(place, 0, sizeof *place);
  if (!record_walk_init(&walk, b->data, b->size))
    return false;
  while (record_next(&walk, &r))
    ;
  place->proper_size = walk.at;
  if (walk.malformed || !message_edns(b->data, b->size, 0, &place->edns))
    return false;
  place->is_last = place->edns.offset + (size_t)place->edns.size == place->proper_size;
  return true;
}

static bool
rewrite_fits(const struct wire_buffer *b, size_t size)
{
  return size <= b->capacity && size <= MESSAGE_MAX_SIZE;
}

// Behind `at`, which is where the message proper ends.
static bool
rewrite_append_opt(struct wire_buffer *b, size_t at, const struct edns *edns, const uint8_t *options)
{
  if (!rewrite_fits(b, at + OPT_FIXED_SIZE + edns->options_size))
    return false;
  uint8_t *opt = b->data + at;
  opt[0] = 0;
  message_put_u16(opt + 1, QTYPE_OPT);
  message_put_u16(opt + 3, edns->payload);
  opt[5] = edns->extended_rcode;
  opt[6] = edns->version;
  message_put_u16(opt + 7, edns->dnssec_ok ? 0x8000 : 0);
  message_put_u16(opt + 9, edns->options_size);
  if (edns->options_size > 0)
    memcpy(opt + OPT_FIXED_SIZE, options, edns->options_size);
  message_set_count(b->data, 3, (uint16_t)(message_count(b->data, 3) + 1));
  b->size = at + OPT_FIXED_SIZE + edns->options_size;
  return true;
}

bool
message_add_opt(struct wire_buffer *b, uint16_t payload, uint8_t extended_rcode, bool dnssec_ok, const uint8_t *options,
                size_t options_size)
{
  size_t end = message_proper_size(b->data, b->size);
  if (end == 0 || options_size > UINT16_MAX)
    return false;
  struct edns edns = {.payload = payload,
                      .extended_rcode = extended_rcode,
                      .dnssec_ok = dnssec_ok,
                      .options_size = (uint16_t)options_size};
  return rewrite_append_opt(b, end, &edns, options);
}

bool
message_remove_opt(struct wire_buffer *b)
{
  struct place place;
  if (!rewrite_find_place(b, &place))
    return false;
  if (place.edns.offset == 0)
    return true;
  if (!place.is_last)
    return rebuild_message(b, &(struct rebuild){.drop_opt = true});
  message_set_count(b->data, 3, (uint16_t)(message_count(b->data, 3) - 1));
  b->size = place.edns.offset;
  return true;
}

// Options being put together for an OPT.
struct options {
  size_t size;
  uint8_t data[MESSAGE_MAX_SIZE];
};

static bool
rewrite_add_option(struct options *options, uint16_t code, const uint8_t *data, size_t size)
{
  if (size + OPTION_HEAD_SIZE > sizeof options->data - options->size)
    return false;
  uint8_t *at = options->data + options->size;
  message_put_u16(at, code);
  message_put_u16(at + 2, (uint16_t)size);
  if (size > 0)
    memcpy(at + OPTION_HEAD_SIZE, data, size);
  options->size += OPTION_HEAD_SIZE + size;
  return true;
}

// Copies the options of the OPT but those with the code `but` (-1: all). False when they are malformed.
static bool
rewrite_copy_options(struct options *options, const uint8_t *message, const struct edns *edns, int but)
{
  uint16_t cursor = edns->options, code, data, size;
  options->size = 0;
  while (edns_option_next(message, edns, &cursor, &code, &data, &size))
    if (code != but && !rewrite_add_option(options, code, message + data, size))
      return false;
  return cursor == edns->options + edns->options_size;
}

static bool
rewrite_store_options(struct wire_buffer *b, const struct place *place, const struct options *options)
{
  if (!place->is_last)
    return rebuild_message(b, &(struct rebuild){.new_options = options->data, .new_options_size = options->size});
  if (!rewrite_fits(b, place->edns.options + options->size))
    return false;
  message_put_u16(b->data + place->edns.options - 2, (uint16_t)options->size);
  memcpy(b->data + place->edns.options, options->data, options->size);
  b->size = place->edns.options + options->size;
  return true;
}

bool
message_set_option(struct wire_buffer *b, uint16_t code, const uint8_t *data, size_t size, uint16_t payload, bool *added_opt)
{
  struct place place;
  struct options options;
  *added_opt = false;
  if (!rewrite_find_place(b, &place))
    return false;
  options.size = 0;
  if (place.edns.offset != 0)
    return rewrite_copy_options(&options, b->data, &place.edns, code) && rewrite_add_option(&options, code, data, size) &&
           rewrite_store_options(b, &place, &options);
  if (!rewrite_add_option(&options, code, data, size))
    return false;
  struct edns edns = {.payload = payload, .options_size = (uint16_t)options.size};
  *added_opt = rewrite_append_opt(b, place.proper_size, &edns, options.data);
  return *added_opt;
}

bool
message_remove_option(struct wire_buffer *b, uint16_t code)
{
  struct place place;
  struct options options;
  if (!rewrite_find_place(b, &place))
    return false;
  if (place.edns.offset == 0)
    return true;
  if (!rewrite_copy_options(&options, b->data, &place.edns, code))
    return false;
  return options.size == place.edns.options_size || rewrite_store_options(b, &place, &options);
}

bool
message_drop_options(struct wire_buffer *b, bool (*drop)(uint16_t code, const void *arg), const void *arg)
{
  struct place place;
  struct options options;
  options.size = 0;
  if (!rewrite_find_place(b, &place))
    return false;
  if (place.edns.offset == 0)
    return true;
  uint16_t cursor = place.edns.options, code, data, size;
  while (edns_option_next(b->data, &place.edns, &cursor, &code, &data, &size))
    if (!drop(code, arg) && !rewrite_add_option(&options, code, b->data + data, size))
      return false;
  if (cursor != place.edns.options + place.edns.options_size)
    return false;
  return options.size == place.edns.options_size || rewrite_store_options(b, &place, &options);
}

bool
message_append_option(struct wire_buffer *b, uint16_t code, const uint8_t *data, size_t size)
{
  struct place place;
  struct options options;
  return rewrite_find_place(b, &place) && place.edns.offset != 0 &&
         rewrite_copy_options(&options, b->data, &place.edns, -1) && rewrite_add_option(&options, code, data, size) &&
         rewrite_store_options(b, &place, &options);
}

// ---- writing a message anew: a small compressor and a table of the names in RDATA ----

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
rewrite_put_bytes(struct writer *w, const uint8_t *bytes, size_t count)
{
  if (count > w->limit - w->size)
    return false;
  memcpy(w->data + w->size, bytes, count);
  w->size += count;
  return true;
}

// Is the name written at `at` these bytes exactly? Pointers in w->data are its own: they go backwards.
static bool
rewrite_is_written_at(const struct writer *w, size_t at, const uint8_t *bytes)
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
rewrite_find_suffix(const struct writer *w, const uint8_t *bytes, uint64_t hash)
{
  for (unsigned i = 0; i < SUFFIX_PROBES; i++) {
    const struct suffix *s = &w->suffixes[(hash + i) % SUFFIX_SLOTS];
    if (s->at == 0)
      return 0;
    if (s->tag == hash >> 48 && rewrite_is_written_at(w, s->at, bytes))
      return s->at;
  }
  return 0;
}

// Only for names written to their end: find_suffix() reads them.
static void
rewrite_note_suffix(struct writer *w, uint64_t hash, size_t at)
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
rewrite_put_compressed(struct writer *w, const struct name *name)
{
  uint8_t labels[NAME_MAX_LABELS], pointer[2];
  uint64_t hashes[NAME_MAX_LABELS], hash = 0;
  unsigned count = 0, written = 0;
  size_t start = w->size, target = 0;
  for (unsigned at = 0; name->bytes[at] != 0; at += 1u + name->bytes[at])
    labels[count++] = (uint8_t)at;
  for (unsigned i = count; i-- > 0;)
    hashes[i] = hash = word_hash(name->bytes + labels[i], 1u + name->bytes[labels[i]], hash);
  while (written < count && (target = rewrite_find_suffix(w, name->bytes + labels[written], hashes[written])) == 0)
    written++;
  message_put_u16(pointer, (uint16_t)(0xc000 | target));
  if (!rewrite_put_bytes(w, name->bytes, written < count ? labels[written] : name->size) ||
      (target != 0 && !rewrite_put_bytes(w, pointer, sizeof pointer)))
    return false;
  for (unsigned i = 0; i < written; i++)
    rewrite_note_suffix(w, hashes[i], start + labels[i]);
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
rewrite_find_layout(uint16_t type)
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
rewrite_put_rdata(struct writer *w, const struct source *from, const struct record *r)
{
  const struct layout *layout = r->rdata_size > 0 ? rewrite_find_layout(r->type) : NULL;
  size_t at = r->rdata, start = r->rdata;
  if (layout != NULL) {
    at += layout->skip;
    for (unsigned i = 0; i < layout->strings && at < r->end; i++)
      at += 1u + from->message[at];
    if (at >= r->end || !rewrite_put_bytes(w, from->message + start, at - start))
      return false;
    for (unsigned i = 0; i < layout->names; i++) {
      struct name name;
      at = message_name(from->message, r->end, at, &name);
      if (at == 0 || !(layout->compress ? rewrite_put_compressed(w, &name) : rewrite_put_bytes(w, name.bytes, name.size)))
        return false;
    }
    start = at;
  }
  return rewrite_put_bytes(w, from->message + start, r->end - start);
}

static bool
rewrite_put_record(struct writer *w, const struct source *from, const struct record *r, const struct name *owner)
{
  if (!rewrite_put_compressed(w, owner) || !rewrite_put_bytes(w, from->message + r->fixed, RECORD_FIXED_SIZE))
    return false;
  size_t rdata = w->size;
  if (!rewrite_put_rdata(w, from, r) || w->size - rdata > UINT16_MAX)
    return false;
  message_put_u16(w->data + rdata - 2, (uint16_t)(w->size - rdata));
  return true;
}

static bool
rewrite_put_opt(struct writer *w, const struct source *from, const struct record *r, const struct rebuild *change)
{
  uint8_t size[2];
  if (change->new_options_size > UINT16_MAX)
    return false;
  message_put_u16(size, (uint16_t)change->new_options_size);
  return rewrite_put_bytes(w, (const uint8_t *)"", 1) &&
         rewrite_put_bytes(w, from->message + r->fixed, RECORD_FIXED_SIZE - 2) && rewrite_put_bytes(w, size, sizeof size) &&
         rewrite_put_bytes(w, change->new_options, change->new_options_size);
}

// Copies the questions; *old becomes the name of the first.
static bool
rewrite_put_questions(struct writer *w, const struct source *from, const struct rebuild *change, struct name *old)
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
    if (!rewrite_put_compressed(w, i == 0 && change->rename != NULL ? change->rename : &name) ||
        !rewrite_put_bytes(w, from->message + at, 4))
      return false;
    at += 4;
  }
  return count > 0 || change->rename == NULL;
}

static bool
rewrite_is_dropped(const struct record *r, bool is_opt, const struct rebuild *change)
{
  if (is_opt)
    return change->drop_opt;
  for (size_t i = 0; i < change->drop_count; i++)
    if (change->drop_types[i] == r->type && r->type != QTYPE_OPT)
      return true;
  return false;
}

static bool
rewrite_put_records(struct writer *w, const struct source *from, const struct rebuild *change, const struct name *old)
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
    if (rewrite_is_dropped(&r, is_opt, change)) {
      dropped[r.section]++;
      continue;
    }
    if (message_name(from->message, from->size, r.owner, &owner) == 0)
      return false;
    const struct name *written = change->rename != NULL && name_equal(&owner, old) ? change->rename : &owner;
    if (!(new_options ? rewrite_put_opt(w, from, &r, change) : rewrite_put_record(w, from, &r, written)))
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
  if (b->size < HEADER_SIZE || !rewrite_put_bytes(&w, b->data, HEADER_SIZE) ||
      !rewrite_put_questions(&w, &from, change, &old) || !rewrite_put_records(&w, &from, change, &old))
    return false;
  memcpy(b->data, w.data, w.size);
  b->size = w.size;
  return true;
}

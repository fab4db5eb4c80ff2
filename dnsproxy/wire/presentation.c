// SPDX-License-Identifier: BSD-2-Clause
// Parsing records: each type is a row that says what its fields are.
#include "dnsproxy/wire/presentation.h"

#include "dnsproxy/wire/codes.h"
#include "dnsproxy/wire/message.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

// Fields of rdata: 1, 2, 4: an unsigned number of that many bytes; n: name; a, 6: addresses; s: character-string;
// S: character-strings up to the end; T: the rest as text without a length; x: hexadecimal up to the end.
static const struct {
  uint16_t type;
  const char *fields;
} shapes[] = {
    {QTYPE_A, "a"},      {QTYPE_AAAA, "6"},   {QTYPE_NS, "n"},       {QTYPE_CNAME, "n"},   {QTYPE_DNAME, "n"},
    {QTYPE_PTR, "n"},    {QTYPE_MX, "2n"},    {QTYPE_SRV, "222n"},   {QTYPE_SOA, "nn44444"}, {QTYPE_TXT, "S"},
    {QTYPE_SPF, "S"},    {QTYPE_HINFO, "ss"}, {QTYPE_CAA, "1sT"},    {QTYPE_NAPTR, "22sssn"}, {QTYPE_TLSA, "111x"},
    {QTYPE_DS, "211x"},  {QTYPE_SSHFP, "11x"},
};

enum { TOKEN_SIZE = 4096 };

struct scanner {
  const char *line, *at;
  char token[TOKEN_SIZE]; // escapes kept for names, resolved for strings
  size_t size;
  bool quoted;
  struct presented_record *record;
  struct fault *fault;
};

static bool
presentation_bad(struct scanner *s, const char *what)
{
  return fault_set(s->fault, FAULT_CAUGHT, "Unable to parse the record '%.200s': %s", s->line, what);
}

// The next word, or quoted string; false at the end of the line.
static bool
presentation_next_token(struct scanner *s)
{
  while (isspace((unsigned char)*s->at))
    s->at++;
  if (*s->at == '\0')
    return false;
  s->quoted = *s->at == '"';
  s->at += s->quoted;
  s->size = 0;
  while (*s->at != '\0' && s->size < TOKEN_SIZE - 2) {
    if (s->quoted ? *s->at == '"' : isspace((unsigned char)*s->at))
      break;
    if (*s->at == '\\' && s->at[1] != '\0')
      s->token[s->size++] = *s->at++;
    s->token[s->size++] = *s->at++;
  }
  if (s->quoted && *s->at == '"')
    s->at++;
  s->token[s->size] = '\0';
  return true;
}

// \X and \DDD become bytes, in place.
static void
presentation_resolve_escapes(struct scanner *s)
{
  size_t out = 0;
  for (size_t i = 0; i < s->size; i++) {
    unsigned char c = (unsigned char)s->token[i];
    if (c == '\\' && i + 1 < s->size) {
      const char *d = s->token + i + 1;
      if (i + 3 < s->size && isdigit((unsigned char)d[0]) && isdigit((unsigned char)d[1]) && isdigit((unsigned char)d[2])) {
        c = (unsigned char)((d[0] - '0') * 100 + (d[1] - '0') * 10 + (d[2] - '0'));
        i += 3;
      } else {
        c = (unsigned char)d[0];
        i++;
      }
    }
    s->token[out++] = (char)c;
  }
  s->size = out;
}

static bool
presentation_put(struct scanner *s, const void *bytes, size_t count)
{
  struct presented_record *r = s->record;
  if (count > (size_t)PRESENTATION_RDATA_SIZE - r->rdata_size)
    return presentation_bad(s, "its data is too long");
  memcpy(r->rdata + r->rdata_size, bytes, count);
  r->rdata_size = (uint16_t)(r->rdata_size + count);
  return true;
}

static bool
presentation_put_number(struct scanner *s, unsigned width)
{
  char *end;
  unsigned long n = strtoul(s->token, &end, 10);
  if (s->size == 0 || *end != '\0' || !isdigit((unsigned char)s->token[0]) || (width < 4 && n >> (8 * width) != 0) || n > UINT32_MAX)
    return presentation_bad(s, "a number is wrong or out of range");
  uint8_t bytes[4];
  message_put_u32(bytes, (uint32_t)n);
  return presentation_put(s, bytes + 4 - width, width);
}

static bool
presentation_put_name(struct scanner *s)
{
  struct name name;
  return name_from_text(&name, s->token, s->size, s->fault) && presentation_put(s, name.bytes, name.size);
}

static bool
presentation_put_address(struct scanner *s, int family)
{
  uint8_t bytes[16];
  if (inet_pton(family, s->token, bytes) != 1)
    return presentation_bad(s, "its address is wrong");
  return presentation_put(s, bytes, family == AF_INET ? 4 : 16);
}

static bool
presentation_put_string(struct scanner *s)
{
  presentation_resolve_escapes(s);
  if (s->size > 255)
    return presentation_bad(s, "a string is longer than 255 bytes");
  return presentation_put(s, &(uint8_t){(uint8_t)s->size}, 1) && presentation_put(s, s->token, s->size);
}

static int
presentation_hex_digit(char c)
{
  if (c >= '0' && c <= '9')
    return c - '0';
  c = (char)tolower((unsigned char)c);
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

// One word of hexadecimal.
static bool
presentation_put_hex(struct scanner *s)
{
  if (s->size % 2 != 0)
    return presentation_bad(s, "an odd number of hexadecimal digits");
  for (size_t i = 0; i < s->size; i += 2) {
    int high = presentation_hex_digit(s->token[i]), low = presentation_hex_digit(s->token[i + 1]);
    if (high < 0 || low < 0)
      return presentation_bad(s, "a hexadecimal digit is wrong");
    if (!presentation_put(s, &(uint8_t){(uint8_t)(high << 4 | low)}, 1))
      return false;
  }
  return true;
}

static bool
presentation_put_field(struct scanner *s, char field)
{
  switch (field) {
  case '1':
  case '2':
  case '4':
    return presentation_put_number(s, (unsigned)(field - '0'));
  case 'n':
    return presentation_put_name(s);
  case 'a':
    return presentation_put_address(s, AF_INET);
  case '6':
    return presentation_put_address(s, AF_INET6);
  case 'x':
    return presentation_put_hex(s);
  case 'T':
    presentation_resolve_escapes(s);
    return presentation_put(s, s->token, s->size);
  default:
    return presentation_put_string(s);
  }
}

static bool
presentation_parse_rdata(struct scanner *s, const char *fields)
{
  for (; *fields != '\0'; fields++) {
    bool rest = *fields == 'S' || *fields == 'x';
    if (!presentation_next_token(s))
      return presentation_bad(s, "its data is incomplete");
    do {
      if (!presentation_put_field(s, *fields))
        return false;
    } while (rest && presentation_next_token(s));
  }
  return presentation_next_token(s) ? presentation_bad(s, "there is something behind its data") : true;
}

// RFC 3597: \# length hex...
static bool
presentation_parse_generic(struct scanner *s)
{
  char *end;
  if (!presentation_next_token(s))
    return presentation_bad(s, "its length is missing");
  unsigned long length = strtoul(s->token, &end, 10);
  if (*end != '\0')
    return presentation_bad(s, "its length is wrong");
  while (presentation_next_token(s))
    if (!presentation_put_hex(s))
      return false;
  return length == s->record->rdata_size ? true : presentation_bad(s, "its length is not that of its data");
}

static bool
presentation_parse_class(const char *word, uint16_t *class)
{
  static const struct {
    const char *word;
    uint16_t class;
  } classes[] = {{"IN", QCLASS_IN}, {"CH", QCLASS_CHAOS}, {"CHAOS", QCLASS_CHAOS}, {"HS", 4}, {"NONE", QCLASS_NONE}, {"ANY", QCLASS_ANY}};
  for (size_t i = 0; i < sizeof classes / sizeof *classes; i++)
    if (strcasecmp(word, classes[i].word) == 0) {
      *class = classes[i].class;
      return true;
    }
  if (strncasecmp(word, "CLASS", 5) != 0 || !isdigit((unsigned char)word[5]))
    return false;
  *class = (uint16_t)strtoul(word + 5, NULL, 10);
  return true;
}

// [ttl] [class] in either order, then the type.
static bool
presentation_parse_type(struct scanner *s)
{
  struct presented_record *r = s->record;
  bool have_ttl = false, have_class = false;
  while (presentation_next_token(s)) {
    if (!have_ttl && isdigit((unsigned char)s->token[0])) {
      char *end;
      unsigned long ttl = strtoul(s->token, &end, 10);
      if (*end != '\0' || ttl > UINT32_MAX)
        return presentation_bad(s, "its TTL is wrong");
      r->ttl = (uint32_t)ttl;
      have_ttl = true;
    } else if (!have_class && presentation_parse_class(s->token, &r->class)) {
      have_class = true;
    } else {
      return qtype_parse(s->token, &r->type) ? true : presentation_bad(s, "its type is unknown");
    }
  }
  return presentation_bad(s, "its type is missing");
}

bool
record_from_text(struct presented_record *record, const char *line, struct fault *fault)
{
  struct scanner s = {.line = line, .at = line, .record = record, .fault = fault};
  record->ttl = 0;
  record->class = QCLASS_IN;
  record->rdata_size = 0;
  if (!presentation_next_token(&s))
    return presentation_bad(&s, "it is empty");
  if (!name_from_text(&record->owner, s.token, s.size, fault) || !presentation_parse_type(&s))
    return false;
  const char *before = s.at;
  if (presentation_next_token(&s) && strcmp(s.token, "\\#") == 0)
    return presentation_parse_generic(&s);
  s.at = before;
  for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
    if (shapes[i].type == record->type)
      return presentation_parse_rdata(&s, shapes[i].fields);
  return presentation_bad(&s, "data of this type can only be given as \\# length hex");
}

// SPDX-License-Identifier: BSD-2-Clause
// Names of types, rcodes and opcodes, both ways.
#include "dnsproxy/wire/codes.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

const char *
qtype_text(uint16_t type, char *out)
{
  switch (type) {
#define QTYPE(name, number)                                                                                            \
  case number:                                                                                                         \
    return #name;
#include "dnsproxy/wire/qtypes.def"
#undef QTYPE
  default:
    snprintf(out, QTYPE_TEXT_SIZE, "TYPE%u", (unsigned)type);
    return out;
  }
}

// Decimal digits and nothing else.
static bool
codes_parse_number(const char *text, unsigned max, unsigned *number)
{
  unsigned value = 0;
  if (*text == '\0')
    return false;
  for (; *text != '\0'; text++) {
    if (*text < '0' || *text > '9')
      return false;
    value = value * 10 + (unsigned)(*text - '0');
    if (value > max)
      return false;
  }
  *number = value;
  return true;
}

bool
qtype_parse(const char *text, uint16_t *type)
{
  static const struct {
    const char *name;
    uint16_t number;
  } rows[] = {
#define QTYPE(name, number) {#name, number},
#include "dnsproxy/wire/qtypes.def"
#undef QTYPE
  };
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
    if (strcasecmp(text, rows[i].name) == 0) {
      *type = rows[i].number;
      return true;
    }
  unsigned number;
  if (!codes_parse_number(strncasecmp(text, "TYPE", 4) == 0 ? text + 4 : text, UINT16_MAX, &number))
    return false;
  *type = (uint16_t)number;
  return true;
}

static const struct {
  const char *mnemonic;
  unsigned number;
  const char *text;
} rcodes[] = {
#define RCODE(name, number, text) {#name, number, text},
#include "dnsproxy/wire/rcodes.def"
#undef RCODE
};

enum { RCODE_COUNT = sizeof rcodes / sizeof rcodes[0], RCODE_MAX = 4095 };

const char *
rcode_text(unsigned rcode, char *out, size_t out_size)
{
  for (size_t i = 0; i < RCODE_COUNT; i++)
    if (rcodes[i].number == rcode)
      return rcodes[i].text;
  snprintf(out, out_size, "Err#%u", rcode);
  return out;
}

const char *
rcode_mnemonic(unsigned rcode)
{
  for (size_t i = 0; i < RCODE_COUNT; i++)
    if (rcodes[i].number == rcode)
      return rcodes[i].mnemonic;
  return NULL;
}

bool
rcode_parse(const char *text, unsigned *rcode)
{
  for (size_t i = 0; i < RCODE_COUNT; i++)
    if (strcasecmp(text, rcodes[i].mnemonic) == 0) {
      *rcode = rcodes[i].number;
      return true;
    }
  return codes_parse_number(text, RCODE_MAX, rcode);
}

const char *
opcode_text(unsigned opcode)
{
  static const char *const texts[16] = {"Query", "IQuery", "Status", "3",  "Notify", "Update", "6",  "7",
                                        "8",     "9",      "10",     "11", "12",     "13",     "14", "15"};
  return texts[opcode & 15];
}

// SPDX-License-Identifier: BSD-2-Clause
// Signatures from parameter rows.
#include "lua/binder/signature.h"

void
signature_parameters(const struct param *params, struct text *out)
{
  unsigned open = 0;
  text_puts(out, "(");
  for (const struct param *p = params; p != NULL && p->type != PARAM_END; p++) {
    if (p->optional) {
      text_puts(out, p == params ? "[" : "[, ");
      open++;
    } else if (p != params) {
      text_puts(out, ", ");
    }
    text_puts(out, p->name);
  }
  while (open-- > 0)
    text_puts(out, "]");
  text_puts(out, ")");
}

const char *
signature_type(const struct param *p)
{
  switch (p->type) {
  case PARAM_BOOL:
    return "boolean";
  case PARAM_INT:
    return "integer";
  case PARAM_FLOAT:
    return "number";
  case PARAM_STRING:
    return "string";
  case PARAM_STRINGS:
    return "string|string[]";
  case PARAM_INTS:
    return "integer|integer[]";
  case PARAM_STRING_MAP:
    return "table<string, string>";
  case PARAM_QTYPE:
  case PARAM_INDEX:
    return "integer|string";
  case PARAM_SELECTOR:
    return "DNSRule";
  case PARAM_SELECTORS:
    return "DNSRule[]";
  case PARAM_LOOSE_SELECTOR:
    return "DNSRule|DNSName|DNSName[]|string|string[]";
  case PARAM_ACTION:
    return "DNSAction";
  case PARAM_RESPONSE_ACTION:
    return "DNSResponseAction";
  case PARAM_OBJECT:
    return p->class != NULL ? p->class->name : "any";
  case PARAM_OBJECTS:
    return "table";
  case PARAM_NETMASKS:
    return "NetmaskGroup|string|string[]";
  case PARAM_SUFFIXES:
    return "SuffixMatchNode|DNSName|string|string[]";
  case PARAM_NAME_OBJECT:
    return "DNSName";
  case PARAM_ADDRESS_OBJECT:
    return "ComboAddress";
  case PARAM_NAME:
    return "DNSName|string";
  case PARAM_ADDRESS:
    return "ComboAddress|string";
  case PARAM_FUNCTION:
    return "function";
  case PARAM_OPTIONS:
    return "table";
  case PARAM_ANY:
  case PARAM_END:
    break;
  }
  return "any";
}

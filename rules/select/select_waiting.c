// SPDX-License-Identifier: BSD-2-Clause
// Selectors that need encrypted transports or key-value stores: SNIRule, HTTPHeaderRule, HTTPPathRule, HTTPPathRegexRule,
// KeyValueStoreLookupRule, KeyValueStoreRangeLookupRule.
//
// Declared as they will be, waiting for their part (rules/select/waiting): they never match. Expressions are compiled all
// the same, so that a mistake is told now. What SNI, path and headers will be read from is `arrival` of the query.
#include "dnsproxy/base/memory.h"
#include "rules/select/pattern.h"
#include "rules/select/waiting.h"

#include <stdlib.h>

// ---- of DNS over HTTPS and TLS ----

struct http_selector {
  struct selector base;
  char *name, *value; // header and expression; else the value alone
  struct pattern *pattern;
};

static bool
select_waiting_http_pattern(struct http_selector *s, const struct bytes *expression, struct fault *f)
{
  struct fault why = FAULT_INIT;
  s->pattern = pattern_new(expression->data, expression->size, PATTERN_SEARCH, &why);
  if (s->pattern == NULL)
    return fault_set(f, FAULT_CAUGHT, "%s: invalid regular expression '%s': %s", s->base.kind->name, expression->data,
                     why.text);
  s->value = memory_copy(expression->data, expression->size);
  return true;
}

static bool
select_waiting_http_header_init(struct selector *base, const struct value *args, struct fault *f)
{
  struct http_selector *s = (struct http_selector *)base;
  if (!select_waiting_http_pattern(s, &args[1].string, f))
    return false;
  s->name = memory_copy(args[0].string.data, args[0].string.size);
  return true;
}

static bool
select_waiting_http_regex_init(struct selector *base, const struct value *args, struct fault *f)
{
  return select_waiting_http_pattern((struct http_selector *)base, &args[0].string, f);
}

static bool
select_waiting_http_text_init(struct selector *base, const struct value *args, struct fault *f)
{
  (void)f;
  ((struct http_selector *)base)->value = memory_copy(args[0].string.data, args[0].string.size);
  return true;
}

static void
select_waiting_http_fini(struct selector *base)
{
  struct http_selector *s = (struct http_selector *)base;
  pattern_free(&s->pattern);
  free(s->name);
  free(s->value);
}

static void
select_waiting_http_header_show(const struct selector *base, struct text *out)
{
  const struct http_selector *s = (const struct http_selector *)base;
  text_printf(out, "http[%s] ~ %s", s->name, s->value);
}

static void
select_waiting_http_regex_show(const struct selector *base, struct text *out)
{
  text_printf(out, "http path ~ %s", ((const struct http_selector *)base)->value);
}

static void
select_waiting_http_path_show(const struct selector *base, struct text *out)
{
  text_printf(out, "url path == %s", ((const struct http_selector *)base)->value);
}

static void
select_waiting_sni_show(const struct selector *base, struct text *out)
{
  text_printf(out, "SNI == %s", ((const struct http_selector *)base)->value);
}

const struct selector_kind select_http_header = {
    .name = "HTTPHeaderRule",
    .help = "A header of a DNS-over-HTTPS request matches a POSIX extended expression, in any casing",
    .params = (const struct param[]){{.name = "name", .type = PARAM_STRING, .help = "name of the header"},
                                     {.name = "regex", .type = PARAM_STRING, .help = "regular expression"},
                                     {.type = PARAM_END}},
    .effect = EFFECT_PURE,
    .size = sizeof(struct http_selector),
    .init = select_waiting_http_header_init,
    .fini = select_waiting_http_fini,
    .waits_for = "DNS over HTTPS",
    .match = never_matches,
    .show = select_waiting_http_header_show,
};

const struct selector_kind select_http_path_regex = {
    .name = "HTTPPathRegexRule",
    .help = "The path of a DNS-over-HTTPS request matches a POSIX extended expression, in any casing",
    .params = (const struct param[]){{.name = "regex", .type = PARAM_STRING, .help = "regular expression"},
                                     {.type = PARAM_END}},
    .effect = EFFECT_PURE,
    .size = sizeof(struct http_selector),
    .init = select_waiting_http_regex_init,
    .fini = select_waiting_http_fini,
    .waits_for = "DNS over HTTPS",
    .match = never_matches,
    .show = select_waiting_http_regex_show,
};

const struct selector_kind select_http_path = {
    .name = "HTTPPathRule",
    .help = "The path of a DNS-over-HTTPS request is exactly this one",
    .params = (const struct param[]){{.name = "path", .type = PARAM_STRING, .help = "the path"}, {.type = PARAM_END}},
    .effect = EFFECT_PURE,
    .size = sizeof(struct http_selector),
    .init = select_waiting_http_text_init,
    .fini = select_waiting_http_fini,
    .waits_for = "DNS over HTTPS",
    .match = never_matches,
    .show = select_waiting_http_path_show,
};

const struct selector_kind select_sni = {
    .name = "SNIRule",
    .help = "The client asked for exactly this server name in its TLS handshake",
    .params = (const struct param[]){{.name = "name", .type = PARAM_STRING, .help = "server name"}, {.type = PARAM_END}},
    .effect = EFFECT_PURE,
    .size = sizeof(struct http_selector),
    .init = select_waiting_http_text_init,
    .fini = select_waiting_http_fini,
    .waits_for = "DNS over TLS",
    .match = never_matches,
    .show = select_waiting_sni_show,
};

// ---- of key-value stores ----

struct lookup_selector {
  struct selector base;
  struct described *store, *key; // one reference each
};

static bool
select_waiting_lookup_init(struct selector *base, const struct value *args, struct fault *f)
{
  (void)f;
  struct lookup_selector *s = (struct lookup_selector *)base;
  s->store = object_ref(args[0].object);
  s->key = object_ref(args[1].object);
  return true;
}

static void
select_waiting_lookup_fini(struct selector *base)
{
  struct lookup_selector *s = (struct lookup_selector *)base;
  object_unref(&s->store);
  object_unref(&s->key);
}

static void
select_waiting_lookup_show(const struct selector *base, struct text *out)
{
  text_printf(out, "lookup key-value store based on '%s'", ((const struct lookup_selector *)base)->key->text);
}

static void
select_waiting_range_lookup_show(const struct selector *base, struct text *out)
{
  text_printf(out, "range-based lookup key-value store based on '%s'", ((const struct lookup_selector *)base)->key->text);
}

static const struct param lookup_params[] = {
    {.name = "kvs", .type = PARAM_OBJECT, .class = &key_value_store_class, .help = "the store"},
    {.name = "key", .type = PARAM_OBJECT, .class = &lookup_key_class, .help = "how keys are made from a query"},
    {.type = PARAM_END}};

const struct selector_kind select_key_value_lookup = {
    .name = "KeyValueStoreLookupRule",
    .help = "One of the keys is in the store",
    .params = lookup_params,
    .effect = EFFECT_PURE,
    .size = sizeof(struct lookup_selector),
    .init = select_waiting_lookup_init,
    .fini = select_waiting_lookup_fini,
    .waits_for = "key-value stores",
    .match = never_matches,
    .show = select_waiting_lookup_show,
};

const struct selector_kind select_key_value_range_lookup = {
    .name = "KeyValueStoreRangeLookupRule",
    .help = "A range of the store covers one of the keys",
    .params = lookup_params,
    .effect = EFFECT_PURE,
    .size = sizeof(struct lookup_selector),
    .init = select_waiting_lookup_init,
    .fini = select_waiting_lookup_fini,
    .waits_for = "key-value stores",
    .match = never_matches,
    .show = select_waiting_range_lookup_show,
};

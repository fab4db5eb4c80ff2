// SPDX-License-Identifier: BSD-2-Clause
// Handlers and their lists.
#include "services/dns_handler.h"

#include "dnsproxy/base/memory.h"

#include <stdlib.h>
#include <string.h>

static void
dns_handler_free(struct object *object)
{
  struct dns_handler *h = (struct dns_handler *)object;
  object_unref(&h->script);
  pattern_free(&h->pattern);
  free(h->label);
  free(h->match);
  free(h);
}

static void
dns_handler_list_free(struct object *object)
{
  struct dns_handler_list *l = (struct dns_handler_list *)object;
  for (size_t i = 0; i < l->count; i++)
    object_unref(&l->handlers[i]);
  free(l);
}

static const struct object_class handler_class = {.name = "DNSHandler", .free = dns_handler_free};
static const struct object_class list_class = {.name = "DNSHandlerList", .free = dns_handler_list_free};

struct dns_handler *
dns_handler_new(const struct dns_handler_options *o, struct fault *f)
{
  struct fault why = FAULT_INIT;
  if (o->label[0] == '\0') {
    fault_set(f, FAULT_CAUGHT, "a handler needs a label");
    return NULL;
  }
  struct pattern *pattern = pattern_new(o->match, strlen(o->match), PATTERN_PERL, &why);
  if (pattern == NULL) {
    fault_set(f, FAULT_CAUGHT, "handler '%s': '%s' is not a regular expression: %s", o->label, o->match, why.text);
    return NULL;
  }
  struct dns_handler *h = memory_new(sizeof *h);
  object_init(&h->object, &handler_class);
  h->pattern = pattern;
  h->label = memory_string(o->label);
  h->match = memory_string(o->match);
  h->run = o->run;
  h->script = object_ref(o->script);
  h->timeout_ms = o->timeout_ms;
  h->timeout_rcode = o->timeout_rcode;
  return h;
}

static struct dns_handler_list *
dns_handler_list_of(size_t room)
{
  struct dns_handler_list *l = memory_new(sizeof *l + room * sizeof *l->handlers);
  object_init(&l->object, &list_class);
  return l;
}

struct dns_handler_list *
dns_handler_list_new(void)
{
  return dns_handler_list_of(0);
}

struct dns_handler_list *
dns_handler_list_with(const struct dns_handler_list *old, struct dns_handler *h)
{
  struct dns_handler_list *l = dns_handler_list_of(old->count + 1);
  for (size_t i = 0; i < old->count; i++)
    l->handlers[l->count++] = object_ref(old->handlers[i]);
  l->handlers[l->count++] = object_ref(h);
  return l;
}

struct dns_handler_list *
dns_handler_list_without(const struct dns_handler_list *old, const char *label)
{
  if (dns_handler_list_find(old, label) == NULL)
    return NULL;
  struct dns_handler_list *l = dns_handler_list_of(old->count);
  for (size_t i = 0; i < old->count; i++)
    if (strcmp(old->handlers[i]->label, label) != 0)
      l->handlers[l->count++] = object_ref(old->handlers[i]);
  return l;
}

struct dns_handler *
dns_handler_list_find(const struct dns_handler_list *l, const char *label)
{
  for (size_t i = 0; i < l->count; i++)
    if (strcmp(l->handlers[i]->label, label) == 0)
      return l->handlers[i];
  return NULL;
}

struct dns_handler *
dns_handler_list_match(const struct dns_handler_list *l, const char *text, size_t size)
{
  for (size_t i = 0; i < l->count; i++)
    if (pattern_match(l->handlers[i]->pattern, text, size))
      return l->handlers[i];
  return NULL;
}

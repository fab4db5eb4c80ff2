// SPDX-License-Identifier: BSD-2-Clause
// Access lists: who may ask (setACL, addACL, showACL), who may use the console, who may send PROXY headers.
//
// All three are netmask sets in the configuration that is edited, copied when somebody else has them, and built for lookups
// when they are published. ACLs are asked in room admit and when a stream is accepted; the console's when it is connected
// to. Each function takes a text, a list or a group. Lua lock.
#include "dnsproxy/base/undo.h"
#include "dnsproxy/config/configuration.h"
#include "lua/binder/classes.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// Which list a function edits.
struct acl {
  size_t place; // in struct configuration, of a struct netmask_set *
};
static const struct acl clients = {offsetof(struct configuration, acl)},
                        console = {offsetof(struct configuration, console_acl)},
                        proxies = {offsetof(struct configuration, proxy_acl)};

static struct netmask_set **
bind_acl_list_of(const struct call *c)
{
  return (struct netmask_set **)(void *)((char *)config() + ((const struct acl *)c->function->data)->place);
}

// The same, about to be edited.
static struct netmask_set **
bind_acl_list_to_edit(const struct call *c)
{
  undo_object(bind_acl_list_of(c));
  return bind_acl_list_of(c);
}

static int
bind_acl_replace(struct call *c, struct netmask_set *with)
{
  struct netmask_set **list = bind_acl_list_to_edit(c), *old = *list;
  *list = object_ref(with);
  object_unref(&old);
  config()->changed = true;
  return 0;
}

static int
bind_acl_add(struct call *c)
{
  struct netmask mask;
  if (!call_netmask(c, c->args[0].string.data, &mask))
    return -1;
  netmask_set_writable(bind_acl_list_to_edit(c));
  netmask_set_add(*bind_acl_list_of(c), &mask);
  config()->changed = true;
  return 0;
}

static int
bind_acl_rm(struct call *c)
{
  struct netmask mask;
  if (!call_netmask(c, c->args[0].string.data, &mask))
    return -1;
  netmask_set_writable(bind_acl_list_to_edit(c));
  netmask_set_remove(*bind_acl_list_of(c), &mask);
  config()->changed = true;
  return 0;
}

static int
bind_acl_set(struct call *c)
{
  // A script's group may change later: the list is its own.
  struct netmask_set *masks = call_own(c, netmask_set_new());
  netmask_set_add_all(masks, c->args[0].object);
  return bind_acl_replace(c, masks);
}

static void
bind_acl_cut_line(char *line)
{
  line[strcspn(line, "#\r\n")] = '\0';
  for (size_t size = strlen(line); size > 0 && (line[size - 1] == ' ' || line[size - 1] == '\t'); size--)
    line[size - 1] = '\0';
}

static int
bind_acl_set_from_file(struct call *c)
{
  char *line = NULL;
  size_t room = 0;
  if (config()->phase == PHASE_CLIENT) // who talks to a console needs nobody's files
    return 0;
  FILE *f = fopen(c->args[0].string.data, "re");
  if (f == NULL)
    return call_fault(c, FAULT_CAUGHT, "Unable to open the file '%s': %s", c->args[0].string.data, strerror(errno));
  struct netmask_set *masks = call_own(c, netmask_set_new());
  bool good = true;
  while (good && getline(&line, &room, f) >= 0) {
    struct netmask mask;
    bind_acl_cut_line(line);
    const char *text = line + strspn(line, " \t");
    if (text[0] == '\0')
      continue;
    good = call_netmask(c, text, &mask);
    if (good)
      netmask_set_add(masks, &mask);
  }
  free(line);
  fclose(f);
  return good ? bind_acl_replace(c, masks) : -1;
}

static int
bind_acl_show(struct call *c)
{
  struct text *out = binder_output();
  if (netmask_set_count(*bind_acl_list_of(c)) == 0)
    return 0;
  netmask_set_text(*bind_acl_list_of(c), "\n", out);
  text_puts(out, "\n");
  return 0;
}

#define ONE PARAMS({.name = "netmask", .type = PARAM_STRING})
#define MANY PARAMS({.name = "netmasks", .type = PARAM_NETMASKS})

const struct lua_function functions_acl[] = {
    {.name = "addACL", .help = "Allow more clients", .params = ONE, .call = bind_acl_add, .data = &clients},
    {.name = "rmACL", .help = "Remove an entry of the ACL", .params = ONE, .call = bind_acl_rm, .data = &clients},
    {.name = "setACL", .help = "Replace the ACL", .params = MANY, .call = bind_acl_set, .data = &clients},
    {.name = "setACLFromFile",
     .help = "Replace the ACL by the netmasks of a file, one per line",
     .params = PARAMS({.name = "path", .type = PARAM_STRING}),
     .call = bind_acl_set_from_file,
     .data = &clients},
    {.name = "showACL", .help = "Print the ACL", .flags = FUNCTION_NO_EFFECT, .call = bind_acl_show, .data = &clients},
    {.name = "addConsoleACL",
     .help = "Allow more clients of the console",
     .params = ONE,
     .call = bind_acl_add,
     .data = &console},
    {.name = "setConsoleACL", .help = "Replace the console's ACL", .params = MANY, .call = bind_acl_set, .data = &console},
    {.name = "showConsoleACL",
     .help = "Print the console's ACL",
     .flags = FUNCTION_NO_EFFECT,
     .call = bind_acl_show,
     .data = &console},
    {.name = "setProxyProtocolACL",
     .help = "Who must send a PROXY v2 header",
     .params = MANY,
     .call = bind_acl_set,
     .data = &proxies},
    {.name = NULL}};

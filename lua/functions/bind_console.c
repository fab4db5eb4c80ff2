// SPDX-License-Identifier: BSD-2-Clause
// The console and its commands: key, address, delta, help, version, shutdown, the process itself.
//
// Where the console listens and which key it wants are settings of the configuration; a console that is moved while the
// process runs is moved by the control thread, which owns its sockets. What the commands print is collected and answered.
// makeKey() and setKey() have the key as base64. Lua lock.
#include "dnsproxy/base/log.h"
#include "dnsproxy/base/random.h"
#include "dnsproxy/base/text.h"
#include "dnsproxy/base/undo.h"
#include "dnsproxy/config/configuration.h"
#include "dnsproxy/core/version.h"
#include "lua/binder/classes.h"
#include "lua/scripts/callbacks.h"
#include "lua/scripts/history.h"
#include "lua/scripts/scripts.h"

#include <signal.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { CONSOLE_PORT = 5199, KEY_SIZE = crypto_secretbox_KEYBYTES };

// Of a console that is to move: only when all of the command is certain.
struct console_move {
  bool back;
};

static void
bind_console_move_back(void *room)
{
  ((struct console_move *)room)->back = true;
}

static void
bind_console_move_gone(void *room)
{
  if (!((struct console_move *)room)->back && config()->console_open != NULL)
    config()->console_open(&config()->console_address);
}

static int
bind_console_control_socket(struct call *c)
{
  struct address address;
  if (!address_parse(&address, c->args[0].string.data, CONSOLE_PORT, &c->fault))
    return -1;
  undo_bytes(&config()->console_address, sizeof config()->console_address);
  config()->console_address = address;
  config()->console_set = true;
  if (config()->phase == PHASE_RUNNING &&
      undo_record(sizeof(struct console_move), bind_console_move_back, bind_console_move_gone) == NULL &&
      config()->console_open != NULL)
    config()->console_open(&config()->console_address);
  return 0;
}

// A key that is none closes the console to new connections.
static int
bind_console_set_key(struct call *c)
{
  const struct bytes *text = &c->args[0].string;
  uint8_t key[KEY_SIZE];
  undo_bytes(&config()->console_key_set, sizeof config()->console_key_set);
  undo_bytes(config()->console_key, sizeof config()->console_key);
  config()->console_key_set = base64_decode(key, sizeof key, text->data, text->size) == KEY_SIZE;
  if (config()->console_key_set)
    memcpy(config()->console_key, key, sizeof key);
  sodium_memzero(key, sizeof key);
  // A client tells its user itself.
  if (!config()->console_key_set && config()->phase != PHASE_CLIENT)
    log_warning("setKey", "The key is not 32 bytes in base64: the console refuses connections (makeKey() makes one)");
  return 0;
}

static int
bind_console_make_key(struct call *c)
{
  uint8_t key[KEY_SIZE];
  char text[BASE64_TEXT_SIZE(KEY_SIZE)];
  (void)c;
  random_bytes(key, sizeof key);
  base64_encode(text, sizeof text, key, sizeof key);
  text_printf(binder_output(), "setKey(\"%s\")\n", text);
  return 0;
}

static bool
bind_console_crypto_works(struct call *c, const struct bytes *message)
{
  uint8_t nonce[crypto_secretbox_NONCEBYTES] = {0};
  uint8_t *box = call_alloc(c, message->size + crypto_secretbox_MACBYTES), *back = call_alloc(c, message->size + 1);
  const uint8_t *plain = (const uint8_t *)message->data;
  crypto_secretbox_easy(box, plain, message->size, nonce, config()->console_key);
  return crypto_secretbox_open_easy(back, box, message->size + crypto_secretbox_MACBYTES, nonce, config()->console_key) ==
             0 &&
         memcmp(back, plain, message->size) == 0;
}

static int
bind_console_test_crypto(struct call *c)
{
  struct bytes message = {.data = "testing", .size = 7};
  if (c->args[0].given)
    message = c->args[0].string;
  if (!config()->console_key_set)
    text_puts(binder_output(), "Crypto failed: the key has the wrong size\n");
  else if (!bind_console_crypto_works(c, &message))
    text_puts(binder_output(), "Crypto failed: what came back differs\n");
  else
    text_puts(binder_output(), "Everything is ok!\n");
  return 0;
}

static int
bind_console_delta(struct call *c)
{
  (void)c;
  history_print(&control_scripts()->history, binder_output());
  return 0;
}

static int
bind_console_clear_history(struct call *c)
{
  (void)c;
  history_clear(&control_scripts()->history);
  return 0;
}

static int
bind_console_show(struct call *c)
{
  text_add(binder_output(), c->args[0].string.data, c->args[0].string.size);
  text_puts(binder_output(), "\n");
  return 0;
}

// ---- help ----

struct help {
  const char *wanted; // NULL: everything
  unsigned found;
};

static void
bind_console_help_one(const struct lua_function *f, void *arg)
{
  struct help *h = arg;
  struct text *out = binder_output();
  if (h->wanted == NULL ? f->flags & FUNCTION_HIDDEN : strcmp(h->wanted, f->name) != 0)
    return;
  h->found++;
  text_printf(out, "%s(", f->name);
  unsigned open = 0;
  for (const struct param *p = f->params; p != NULL && p->type != PARAM_END; p++) {
    bool first = p == f->params;
    text_printf(out, "%s%s%s", p->optional ? "[" : "", first ? "" : ", ", p->name);
    open += p->optional;
  }
  for (; open > 0; open--)
    text_puts(out, "]");
  text_printf(out, "): %s\n", f->help);
}

static int
bind_console_help(struct call *c)
{
  struct help h = {.wanted = c->args[0].given ? c->args[0].string.data : NULL};
  binder_each_function(bind_console_help_one, &h);
  if (h.found == 0)
    text_printf(binder_output(), "Nothing found for %s\n", h.wanted);
  return 0;
}

// ---- the process ----

static int
bind_console_show_version(struct call *c)
{
  (void)c;
  text_printf(binder_output(), "%s\n", program_version());
  return 0;
}

// The same way out as SIGTERM. Where nothing runs there is nothing to end.
static int
bind_console_stop(struct call *c)
{
  (void)c;
  if (config()->phase == PHASE_RUNNING)
    kill(getpid(), SIGTERM);
  if (config()->phase == PHASE_LOADING) {
    log_sentence(LOG_PRIO_INFO, "Exiting on user request");
    _exit(EXIT_SUCCESS);
  }
  return 0;
}

static int
bind_console_in_client_startup(struct call *c)
{
  lua_pushboolean(c->lua, config()->phase == PHASE_CLIENT);
  return 1;
}

static int
bind_console_in_config_check(struct call *c)
{
  lua_pushboolean(c->lua, config()->phase == PHASE_CHECK);
  return 1;
}

static int
bind_console_add_maintenance(struct call *c)
{
  callbacks_add(CALLBACK_MAINTENANCE, c->args[0].object);
  return 0;
}

static int
bind_console_add_exit(struct call *c)
{
  callbacks_add(CALLBACK_EXIT, c->args[0].object);
  return 0;
}

static int
bind_console_nothing(struct call *c)
{
  (void)c;
  return 0;
}

const struct lua_function functions_console[] = {
    {.name = "controlSocket",
     .help = "Listen for console connections here; port 5199 unless given",
     .params = PARAMS({.name = "address", .type = PARAM_STRING}),
     .call = bind_console_control_socket},
    {.name = "setKey",
     .help = "Shared secret of the console, 32 bytes in base64",
     .params = PARAMS({.name = "key", .type = PARAM_STRING}),
     .call = bind_console_set_key},
    {.name = "makeKey", .help = "Print a new setKey() line", .flags = FUNCTION_NO_EFFECT, .call = bind_console_make_key},
    {.name = "testCrypto",
     .help = "Encrypt and decrypt a text with the console's key",
     .params = PARAMS({.name = "text", .type = PARAM_STRING, .optional = true}),
     .flags = FUNCTION_NO_EFFECT,
     .call = bind_console_test_crypto},
    {.name = "delta",
     .help = "Print the commands that changed something, with their time",
     .flags = FUNCTION_NO_EFFECT,
     .call = bind_console_delta},
    {.name = "clearConsoleHistory",
     .help = "Forget the commands that delta() prints",
     .flags = FUNCTION_NO_EFFECT,
     .call = bind_console_clear_history},
    {.name = "show",
     .help = "Print a text",
     .params = PARAMS({.name = "text", .type = PARAM_STRING}),
     .flags = FUNCTION_NO_EFFECT,
     .call = bind_console_show},
    {.name = "help",
     .help = "Print what functions there are, or one of them",
     .params = PARAMS({.name = "name", .type = PARAM_STRING, .optional = true}),
     .flags = FUNCTION_NO_EFFECT,
     .call = bind_console_help},
    {.name = "showVersion", .help = "Print the version", .flags = FUNCTION_NO_EFFECT, .call = bind_console_show_version},
    {.name = "shutdown", .help = "End the process", .call = bind_console_stop},
    {.name = "inClientStartup",
     .help = "Does the console client read the configuration",
     .returns = "boolean",
     .flags = FUNCTION_NO_EFFECT,
     .call = bind_console_in_client_startup},
    {.name = "inConfigCheck",
     .help = "Is the configuration only checked",
     .returns = "boolean",
     .flags = FUNCTION_NO_EFFECT,
     .call = bind_console_in_config_check},
    {.name = "addMaintenanceCallback",
     .help = "One more function to be called every second",
     .params = PARAMS({.name = "callback", .type = PARAM_FUNCTION}),
     .call = bind_console_add_maintenance},
    {.name = "addExitCallback",
     .help = "A function to be called at exit",
     .params = PARAMS({.name = "callback", .type = PARAM_FUNCTION}),
     .call = bind_console_add_exit},
    {.name = "enableLuaConfiguration", .help = "Lua is always there", .call = bind_console_nothing},
    {.name = "refreshRuntimeConfiguration",
     .help = "Every query sees the newest configuration anyway",
     .call = bind_console_nothing},
    {.name = NULL}};

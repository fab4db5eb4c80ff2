// SPDX-License-Identifier: BSD-2-Clause
// Tuning that this design has no use for: threads, queues, pipes, batches and ids look after themselves.
//
// Configurations of the dialect set them, so they are functions like others, declared with their parameters: accepted,
// checked for their types, and said once that they have no effect. A setting of which a script can read the value back keeps
// it.
//
// Where a setting has a counterpart here, it is not in this list but in bind_settings.c. Lua lock.
#include "dnsproxy/base/log.h"
#include "dnsproxy/config/configuration.h"
#include "lua/binder/classes.h"

enum { DOH_THREADS, TCP_THREADS, TCP_QUEUE, TCP_PIPE, RANDOM_IDS, VECTOR_SIZE, ROWS };

static const char *const reasons[ROWS] = {
    [DOH_THREADS] = "workers speak every transport themselves",
    [TCP_THREADS] = "workers serve TCP connections themselves",
    [TCP_QUEUE] = "accepted connections do not wait for another thread",
    [TCP_PIPE] = "accepted connections are not handed to another thread",
    [RANDOM_IDS] = "ids towards backends are always unpredictable",
    [VECTOR_SIZE] = "the size of batches follows the load",
};

static int
moot(struct call *c)
{
  if (config()->phase != PHASE_CLIENT && binder_is_news(c->lua, c->function->name))
    log_info("config", "%s has no effect: %s", c->function->name, *(const char *const *)c->function->data);
  return 0;
}

#define MOOT(row, word, words, parameter, kind, most)                                                                  \
  {                                                                                                                    \
    .name = word, .help = words, .params = PARAMS({.name = parameter, .type = PARAM_##kind, .max = most, .any = true}),             \
    .flags = FUNCTION_CONFIG_ONLY, .call = moot, .data = &reasons[row]                                                 \
  }

const struct lua_function functions_moot[] = {
    MOOT(DOH_THREADS, "setOutgoingDoHWorkerThreads", "Accepted: there are no such threads", "num", INT, INT64_MAX),
    MOOT(TCP_THREADS, "setMaxTCPClientThreads", "Accepted: there are no such threads", "num", INT, INT64_MAX),
    MOOT(TCP_QUEUE, "setMaxTCPQueuedConnections", "Accepted: there is no such queue", "num", INT, INT64_MAX),
    MOOT(TCP_PIPE, "setTCPInternalPipeBufferSize", "Accepted: there are no such pipes", "bytes", INT, INT64_MAX),
    MOOT(RANDOM_IDS, "setRandomizedIdsOverUDP", "Accepted: ids are always unpredictable", "value", BOOL, 0),
    MOOT(VECTOR_SIZE, "setUDPMultipleMessagesVectorSize", "Accepted: batches follow the load", "num", INT, INT64_MAX),
    {.name = NULL}};

// SPDX-License-Identifier: BSD-2-Clause
// Filters of the kernel, and sockets beside it: declared, waiting to be built.
#include "lua/binder/classes.h"
#include "lua/kinds/waiting.h"

static const char ebpf[] = "eBPF", xsk[] = "AF_XDP";

WAITING_OBJECT(class_bpf_filter, "BPFFilter");
WAITING_OBJECT(class_dyn_bpf_filter, "DynBPFFilter");
WAITING_OBJECT(class_xsk_socket, "XskSocket");

WAITING_CLASS(class_bpf_filter, "BPFFilter", "An eBPF filter", WAITING_METHOD("block"), WAITING_METHOD("unblock"),
              WAITING_METHOD("blockQName"), WAITING_METHOD("unblockQName"), WAITING_METHOD("addRangeRule"),
              WAITING_METHOD("rmRangeRule"), WAITING_METHOD("lsRangeRule"), WAITING_METHOD("getStats"),
              WAITING_METHOD("attachToAllBinds"), );
WAITING_CLASS(class_dyn_bpf_filter, "DynBPFFilter", "Entries of an eBPF filter that expire", WAITING_METHOD("block"),
              WAITING_METHOD("purgeExpired"), WAITING_METHOD("excludeRange"), WAITING_METHOD("includeRange"), );
WAITING_CLASS(class_xsk_socket, "XskSocket", "An AF_XDP socket", WAITING_METHOD("getMetrics"), );

#define OPTION(word, kind, words) {.name = word, .type = PARAM_##kind, .optional = true, .help = words}
static const struct param filter_options[] = {
    OPTION("ipv4MaxItems", INT, "entries"),
    OPTION("ipv6MaxItems", INT, "entries"),
    OPTION("cidr4MaxItems", INT, "entries"),
    OPTION("cidr6MaxItems", INT, "entries"),
    OPTION("qnamesMaxItems", INT, "entries"),
    OPTION("ipv4PinnedPath", STRING, "where the map is pinned"),
    OPTION("ipv6PinnedPath", STRING, "where the map is pinned"),
    OPTION("cidr4PinnedPath", STRING, "where the map is pinned"),
    OPTION("cidr6PinnedPath", STRING, "where the map is pinned"),
    OPTION("qnamesPinnedPath", STRING, "where the map is pinned"),
    OPTION("external", BOOL, "another program filters"),
    {.type = PARAM_END}};
static const struct param xsk_options[] = {
    OPTION("ifName", STRING, "network interface"),
    OPTION("NIC_queue_id", INT, "queue of the interface"),
    OPTION("frameNums", INT, "frames"),
    OPTION("xskMapPath", STRING, "where the map is pinned"),
    {.type = PARAM_END}};

#define FILTER(word, what) {.name = word, .type = PARAM_OBJECT, .class = &what}

const struct lua_function functions_waiting_filters[] = {
    {.name = "newBPFFilter",
     .help = "An eBPF filter for sockets",
     .params = PARAMS({.name = "options", .type = PARAM_OPTIONS, .options = filter_options}),
     .returns = "BPFFilter",
     .call = waiting_call,
     .data = WAITING(.part = ebpf, .answer = ANSWER_OBJECT, .object = &class_bpf_filter_object)},
    {.name = "newDynBPFFilter",
     .help = "Entries of a filter that expire",
     .params = PARAMS(FILTER("filter", class_bpf_filter_object)),
     .returns = "DynBPFFilter",
     .call = waiting_call,
     .data = WAITING(.part = ebpf, .answer = ANSWER_OBJECT, .object = &class_dyn_bpf_filter_object)},
    {.name = "setDefaultBPFFilter",
     .help = "Use a filter on all listeners",
     .params = PARAMS(FILTER("filter", class_bpf_filter_object)),
     .flags = FUNCTION_CONFIG_ONLY,
     .call = waiting_call,
     .data = WAITING(.part = ebpf)},
    {.name = "registerDynBPFFilter",
     .help = "Show a filter in the API",
     .params = PARAMS(FILTER("filter", class_dyn_bpf_filter_object)),
     .call = waiting_call,
     .data = WAITING(.part = ebpf)},
    {.name = "unregisterDynBPFFilter",
     .help = "Show it no longer",
     .params = PARAMS(FILTER("filter", class_dyn_bpf_filter_object)),
     .call = waiting_call,
     .data = WAITING(.part = ebpf)},
    {.name = "addBPFFilterDynBlocks",
     .help = "Block addresses in a filter for some time",
     .params = PARAMS({.name = "addresses", .type = PARAM_ANY}, FILTER("filter", class_dyn_bpf_filter_object),
                      {.name = "seconds", .type = PARAM_INT, .optional = true, .fallback = "10", .unit = "s"},
                      {.name = "msg", .type = PARAM_STRING, .optional = true}),
     .call = waiting_call,
     .data = WAITING(.part = ebpf)},
    {.name = "newXsk",
     .help = "An AF_XDP socket",
     .params = PARAMS({.name = "options", .type = PARAM_OPTIONS, .options = xsk_options}),
     .returns = "XskSocket",
     .flags = FUNCTION_CONFIG_ONLY,
     .call = waiting_call,
     .data = WAITING(.part = xsk, .answer = ANSWER_OBJECT, .object = &class_xsk_socket_object)},
    {.name = NULL}};

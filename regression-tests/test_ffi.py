# SPDX-License-Identifier: BSD-2-Clause
"""FFI: every function of ffi.C that concerns a query, in the shared state and in those of the threads; misuse."""
import pathlib
import re
import threading

import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import pytest

from harness.client import addresses, query
from harness.proxy import Proxy
from harness.responder import Responder, address_answer, answer, wait_until

HEADER = pathlib.Path(__file__).parent.parent / "lua" / "scripts" / "dnsproxy_ffi.h"

# What both kinds of functions begin with: say(dq, text) answers with a TXT record.
PRELUDE = r"""
local ffi = require('ffi')
local C = ffi.C
local function say(dq, text)
  local raw = string.char(#text) .. text
  local values = ffi.new('dnsdist_ffi_raw_value_t[1]')
  values[0].value = raw
  values[0].size = #raw
  C.dnsdist_ffi_dnsquestion_spoof_raw(dq, values, 1)
  return DNSAction.HeaderModify
end
local function out(call, dq, ...)
  local data, size = ffi.new('const char *[1]'), ffi.new('size_t[1]')
  call(dq, data, size, ...)
  return ffi.string(data[0], size[0])
end
local function outv(call, dq, ...)
  local data, size = ffi.new('const void *[1]'), ffi.new('size_t[1]')
  call(dq, data, size, ...)
  return ffi.string(data[0], size[0])
end
local function b(x) return x and 'yes' or 'no' end
"""

# An answer for own.test A: CNAME t.own.test, its address; the AAAA of own.test in the additional section. In Lua, as `raw`,
# read into `p`, which whoever uses it frees.
OWN = (b"\0\1\x81\x80\0\1\0\2\0\0\0\1" b"\3own\4test\0\0\1\0\1"
       b"\xc0\x0c\0\5\0\1\0\0\0\x3c\0\4\1t\xc0\x0c" b"\xc0\x26\0\1\0\1\0\0\0\x3d\0\4\xc0\0\2\7"
       b"\xc0\x0c\0\x1c\0\1\0\0\0\x3e\0\x10\x20\1\x0d\xb8" + bytes(11) + b"\x09")
PACKET = (f"local raw = '{''.join(f'{chr(92)}{byte:03}' for byte in OWN)}' local one = ffi.new('dnsdist_ffi_dnspacket_t *[1]') "
          "local good = C.dnsdist_ffi_dnspacket_parse(raw, #raw, one) local p = one[0] ")

# Label, what the function does with dq and returns as text, what it says. The query: TXT over UDP from 127.0.0.1.
READ = [
    ("qtype", "return tostring(C.dnsdist_ffi_dnsquestion_get_qtype(dq))", "16"),
    ("qclass", "return tostring(C.dnsdist_ffi_dnsquestion_get_qclass(dq))", "1"),
    ("id", "return tostring(C.dnsdist_ffi_dnsquestion_get_id(dq))", "4660"),
    ("rcode", "return tostring(C.dnsdist_ffi_dnsquestion_get_rcode(dq))", "0"),
    ("opcode", "return tostring(C.dnsdist_ffi_dnsquestion_get_opcode(dq))", "0"),
    ("qname", "return out(C.dnsdist_ffi_dnsquestion_get_qname_raw, dq):gsub('[^%w]', '.')", ".qname.ffi.test."),
    ("remote", "return (outv(C.dnsdist_ffi_dnsquestion_get_remoteaddr, dq):gsub('.', function(c) return c:byte()..' ' end))",
     "127 0 0 1 "),
    ("local", "return (outv(C.dnsdist_ffi_dnsquestion_get_localaddr, dq):gsub('.', function(c) return c:byte()..' ' end))",
     "127 0 0 1 "),
    ("masked", "local d, s = ffi.new('const void *[1]'), ffi.new('size_t[1]') "
     "C.dnsdist_ffi_dnsquestion_get_masked_remoteaddr(dq, d, s, 8) "
     "return (ffi.string(d[0], s[0]):gsub('.', function(c) return c:byte()..' ' end))", "127 0 0 0 "),
    ("v6", "return b(C.dnsdist_ffi_dnsquestion_is_remote_v6(dq))", "no"),
    ("tcp", "return b(C.dnsdist_ffi_dnsquestion_get_tcp(dq))", "no"),
    ("protocol", "return b(C.dnsdist_ffi_dnsquestion_get_protocol(dq) == C.dnsdist_ffi_protocol_type_doudp)", "yes"),
    ("do", "return b(C.dnsdist_ffi_dnsquestion_get_do(dq))", "yes"),
    ("version", "return tostring(C.dnsdist_ffi_dnsquestion_get_edns_version(dq))", "0"),
    ("length", "return b(C.dnsdist_ffi_dnsquestion_get_len(dq) == tonumber(C.dnsdist_ffi_dnsquestion_get_size(dq)))", "yes"),
    ("data", "return b(C.dnsdist_ffi_dnsquestion_get_data(dq)[1] == 0x34)", "yes"),
    ("header", "local h = ffi.new('char[12]') return b(C.dnsdist_ffi_dnsquestion_get_header_copy(dq, h, 12)) .. h[1]", "yes52"),
    ("shortheader", "local h = ffi.new('char[12]') return b(C.dnsdist_ffi_dnsquestion_get_header_copy(dq, h, 11))", "no"),
    ("skip", "C.dnsdist_ffi_dnsquestion_set_skip_cache(dq, true) return b(C.dnsdist_ffi_dnsquestion_get_skip_cache(dq))", "yes"),
    ("useecs", "C.dnsdist_ffi_dnsquestion_set_use_ecs(dq, false) return b(C.dnsdist_ffi_dnsquestion_get_use_ecs(dq))", "no"),
    ("override", "C.dnsdist_ffi_dnsquestion_set_ecs_override(dq, true) "
     "return b(C.dnsdist_ffi_dnsquestion_get_ecs_override(dq))", "yes"),
    ("prefix", "C.dnsdist_ffi_dnsquestion_set_ecs_prefix_length(dq, 20) "
     "return tostring(C.dnsdist_ffi_dnsquestion_get_ecs_prefix_length(dq))", "20"),
    ("ttl", "local before = C.dnsdist_ffi_dnsquestion_is_temp_failure_ttl_set(dq) "
     "C.dnsdist_ffi_dnsquestion_set_temp_failure_ttl(dq, 7) "
     "local t = C.dnsdist_ffi_dnsquestion_get_temp_failure_ttl(dq) C.dnsdist_ffi_dnsquestion_unset_temp_failure_ttl(dq) "
     "return b(before) .. tostring(t) .. b(C.dnsdist_ffi_dnsquestion_is_temp_failure_ttl_set(dq))", "no7no"),
    ("tag", "C.dnsdist_ffi_dnsquestion_set_tag(dq, 'k', 'v1') return ffi.string(C.dnsdist_ffi_dnsquestion_get_tag(dq, 'k')) .. "
     "b(C.dnsdist_ffi_dnsquestion_get_tag(dq, 'other') == nil)", "v1yes"),
    ("tagraw", "C.dnsdist_ffi_dnsquestion_set_tag_raw(dq, 'k', 'a\\0b', 3) local buf = ffi.new('char[8]') "
     "return tostring(tonumber(C.dnsdist_ffi_dnsquestion_get_tag_raw(dq, 'k', buf, 8))) .. "
     "tostring(tonumber(C.dnsdist_ffi_dnsquestion_get_tag_raw(dq, 'k', buf, 2)))", "30"),
    ("tags", "C.dnsdist_ffi_dnsquestion_set_tag(dq, 'x', '1') C.dnsdist_ffi_dnsquestion_set_tag(dq, 'y', '2') "
     "C.dnsdist_ffi_dnsquestion_unset_tag(dq, 'y') local list = ffi.new('const dnsdist_ffi_tag_t *[1]') "
     "local n = tonumber(C.dnsdist_ffi_dnsquestion_get_tag_array(dq, list)) "
     "return n .. ffi.string(list[0][0].name) .. ffi.string(list[0][0].value)", "1x1"),
    ("options", "local list = ffi.new('const dnsdist_ffi_ednsoption_t *[1]') "
     "local n = tonumber(C.dnsdist_ffi_dnsquestion_get_edns_options(dq, list)) "
     "return n .. ' ' .. list[0][0].optionCode .. ' ' .. ffi.string(list[0][0].data, list[0][0].len)", "1 65001 abc"),
    ("elapsed", "return b(tonumber(C.dnsdist_ffi_dnsquestion_get_elapsed_us(dq)) < 20e6)", "yes"),
    ("hash", "return b(C.dnsdist_ffi_dnsquestion_get_qname_hash(dq, 1) ~= C.dnsdist_ffi_dnsquestion_get_qname_hash(dq, 2))", "yes"),
    ("anyhash", "return b(C.dnsdist_ffi_hash(1, 'AbC', 3, true) == C.dnsdist_ffi_hash(1, 'aBc', 3, true)) .. "
     "b(C.dnsdist_ffi_hash(1, 'AbC', 3, false) == C.dnsdist_ffi_hash(1, 'aBc', 3, false))", "yesno"),
    ("sni", "return '[' .. out(C.dnsdist_ffi_dnsquestion_get_sni, dq) .. ']'", "[]"),
    ("http", "return b(C.dnsdist_ffi_dnsquestion_get_http_path(dq) == nil) .. "
     "tostring(tonumber(C.dnsdist_ffi_dnsquestion_get_http_headers(dq, ffi.new('const dnsdist_ffi_http_header_t *[1]'))))",
     "yes0"),
    ("trailing", "local d = ffi.new('const char *[1]') local ok = C.dnsdist_ffi_dnsquestion_set_trailing_data(dq, 'tail', 4) "
     "local n = tonumber(C.dnsdist_ffi_dnsquestion_get_trailing_data(dq, d)) local s = ffi.string(d[0], n) "
     "C.dnsdist_ffi_dnsquestion_set_trailing_data(dq, '', 0) return b(ok) .. s", "yestail"),
    ("interface", "return '[' .. ffi.string(C.dnsdist_ffi_dnsquestion_get_incoming_interface(dq)) .. ']'", "[]"),
    ("rename", "local ok = C.dnsdist_ffi_dnsquestion_set_alternate_name(dq, '\\3new\\4test\\0', 10, 't', 1, 'v', 1, 'f', 1) "
     "local r = b(ok) .. ffi.string(C.dnsdist_ffi_dnsquestion_get_tag(dq, 't')) .. "
     "(out(C.dnsdist_ffi_dnsquestion_get_qname_raw, dq):gsub('[^%w]', '.')) "
     "C.dnsdist_ffi_dnsquestion_set_alternate_name(dq, '\\6rename\\3ffi\\4test\\0', 17, nil, 0, nil, 0, nil, 0) return r",
     "yesv.new.test."),
    ("badname", "return b(C.dnsdist_ffi_dnsquestion_set_alternate_name(dq, '\\3ne', 3, nil, 0, nil, 0, nil, 0))", "no"),
    ("metric", "C.dnsdist_ffi_metric_declare('ffi-count', 9, 'counter', 'words', nil) "
     "C.dnsdist_ffi_metric_set('ffi-count', 9, 5) local before = C.dnsdist_ffi_metric_get('ffi-count', 9, true) "
     "C.dnsdist_ffi_metric_inc('ffi-count', 9) C.dnsdist_ffi_metric_inc_by('ffi-count', 9, 3) "
     "C.dnsdist_ffi_metric_dec('ffi-count', 9) return tostring(C.dnsdist_ffi_metric_get('ffi-count', 9, true) - before) .. "
     "b(C.dnsdist_ffi_metric_declare('bad name', 8, 'counter', '', nil))", "3no"),
    ("gauge", "C.dnsdist_ffi_metric_declare('ffi-gauge', 9, 'gauge', 'words', nil) C.dnsdist_ffi_metric_set('ffi-gauge', 9, 2.5) "
     "return tostring(C.dnsdist_ffi_metric_get('ffi-gauge', 9, false))", "2.5"),    ("mac", "return tostring(tonumber(C.dnsdist_ffi_dnsquestion_get_mac_addr(dq, ffi.new('char[32]'), 32)))", "0"),
    ("macroom", "return tostring(tonumber(C.dnsdist_ffi_dnsquestion_get_mac_addr(dq, ffi.new('char[32]'), 0)))", "0"),
    ("packet", PACKET + "local q = out(C.dnsdist_ffi_dnspacket_get_qname_raw, p) C.dnsdist_ffi_dnspacket_free(p) "
     "return b(good) .. (q:gsub('[^%w]', '.'))", "yes.own.test."),
    ("packetquestion", PACKET + "local r = C.dnsdist_ffi_dnspacket_get_qtype(p) .. ' ' .. C.dnsdist_ffi_dnspacket_get_qclass(p) "
     "for i = 0, 4 do r = r .. ' ' .. C.dnsdist_ffi_dnspacket_get_records_count_in_section(p, i) end "
     "C.dnsdist_ffi_dnspacket_free(p) return r", "1 1 0 2 0 1 0"),
    ("packetrecords", PACKET + "local r = '' for i = 0, 2 do "
     "r = r .. C.dnsdist_ffi_dnspacket_get_record_type(p, i) .. ' ' .. C.dnsdist_ffi_dnspacket_get_record_class(p, i) .. ' ' .. "
     "C.dnsdist_ffi_dnspacket_get_record_ttl(p, i) .. ' ' .. C.dnsdist_ffi_dnspacket_get_record_content_length(p, i) .. ' ' .. "
     "C.dnsdist_ffi_dnspacket_get_record_content_offset(p, i) .. ' ' .. "
     "out(function(_, d, s) C.dnsdist_ffi_dnspacket_get_record_name_raw(p, i, d, s) end) .. '/' end "
     "r = r .. C.dnsdist_ffi_dnspacket_get_record_type(p, 3) .. C.dnsdist_ffi_dnspacket_get_record_ttl(p, 3) "
     "C.dnsdist_ffi_dnspacket_free(p) return (r:gsub('[^%w /]', '.'))",
     "5 1 60 4 38 .own.test./1 1 61 4 54 .t.own.test./28 1 62 16 70 .own.test./00"),
    ("packetaddress", PACKET + "local a, n = ffi.new('char[16]'), ffi.new('size_t[1]', 16) "
     "local r = b(C.dnsdist_ffi_dnspacket_parse_a_record(raw, p, 1, a, n)) .. tonumber(n[0]) .. a[3] "
     "n[0] = 16 r = r .. b(C.dnsdist_ffi_dnspacket_parse_address_record(raw, p, 2, a, n)) .. tonumber(n[0]) .. a[15] "
     "n[0] = 16 r = r .. b(C.dnsdist_ffi_dnspacket_parse_aaaa_record(raw, p, 2, a, n)) "
     "n[0] = 15 r = r .. b(C.dnsdist_ffi_dnspacket_parse_aaaa_record(raw, p, 2, a, n)) "
     "n[0] = 16 r = r .. b(C.dnsdist_ffi_dnspacket_parse_aaaa_record(raw, p, 1, a, n)) .. "
     "b(C.dnsdist_ffi_dnspacket_parse_a_record(raw, p, 0, a, n)) .. b(C.dnsdist_ffi_dnspacket_parse_a_record(raw, p, 3, a, n)) "
     "C.dnsdist_ffi_dnspacket_free(p) return r", "yes47yes169yesnononono"),
    ("packetcname", PACKET + "local a, n = ffi.new('char[255]'), ffi.new('size_t[1]', 255) "
     "local r = b(C.dnsdist_ffi_dnspacket_parse_cname_record(raw, p, 0, a, n)) .. ffi.string(a, n[0]) "
     "r = r .. b(C.dnsdist_ffi_dnspacket_parse_cname_record(raw, p, 1, a, n)) "
     "C.dnsdist_ffi_dnspacket_free(p) return (r:gsub('[^%w]', '.'))", "yes.t.own.test.no"),
    ("packetname", PACKET + "C.dnsdist_ffi_dnspacket_free(p) local a = ffi.new('char[255]') "
     "local function at(size, offset, room) return tonumber(C.dnsdist_ffi_dnspacket_get_name_at_offset_raw(raw, size, offset, a, room)) end "
     "return at(#raw, 38, 255) .. (ffi.string(a, 12):gsub('[^%w]', '.')) .. at(#raw, 38, 11) .. at(#raw, #raw, 255) .. at(39, 38, 255)",
     "12.t.own.test.000"),
    ("packetbad", PACKET + "C.dnsdist_ffi_dnspacket_free(p) local r, one = '', ffi.new('dnsdist_ffi_dnspacket_t *[1]') "
     "for _, size in ipairs{0, 11, 12, 20, #raw - 1} do r = r .. b(C.dnsdist_ffi_dnspacket_parse(raw, size, one)) end "
     "return r .. b(one[0] == nil)", "nonononono" + "yes"),
    ("svctype", "local one = ffi.new('dnsdist_ffi_svc_record_parameters *[1]') "
     "local r = b(C.dnsdist_ffi_svc_record_parameters_new('a..b', 1, false, one)) .. "
     "b(C.dnsdist_ffi_svc_record_parameters_new('a.test', 1, false, one)) "
     "local list = ffi.new('const dnsdist_ffi_svc_record_parameters *[1]') list[0] = one[0] "
     "r = r .. b(C.dnsdist_ffi_dnsquestion_generate_svc_response(dq, list, 1, 60)) "
     "C.dnsdist_ffi_svc_record_parameters_free(one[0]) return r", "noyesno"),
    ("asyncgone", "return b(C.dnsdist_ffi_resume_from_async(9, 9, nil, 0, nil, 0, true)) .. b(C.dnsdist_ffi_drop_from_async(9, 9)) .. "
     "b(C.dnsdist_ffi_set_rcode_from_async(9, 9, 3, true)) .. b(C.dnsdist_ffi_dnsresponse_set_async(dq, 9, 9, 1000))", "nononono"),
    # A block; one that ends sooner; no address, no action, SetTag without a tag and with one; masks beyond the end.
    ("block", "local function add(a, ...) return b(C.dnsdist_ffi_dynamic_blocks_add(a, 'why', ...)) end "
     "return add('198.51.100.7', DNSAction.Refused, 60, 32, 0, nil, nil) .. add('198.51.100.7', DNSAction.Refused, 5, 32, 0, nil, nil) .. "
     "add('nonsense', 0, 60, 32, 0, nil, nil) .. add(nil, 0, 60, 32, 0, nil, nil) .. add('198.51.100.8', 200, 60, 32, 0, nil, nil) .. "
     "add('198.51.100.8', DNSAction.SetTag, 60, 32, 0, nil, 'v') .. add('198.51.100.8', DNSAction.SetTag, 60, 32, 0, '', 'v') .. "
     "add('198.51.100.8', DNSAction.SetTag, 60, 32, 0, 'k', nil) .. add('2001:db8::77', 0, 60, 255, 255, nil, nil) .. "
     "b(C.dnsdist_ffi_dynamic_blocks_add('198.51.100.9', nil, 0, 60, 32, 0, nil, nil))", "yesnonononononoyesyesno"),
    ("suffix", "local function add(a, ...) return b(C.dnsdist_ffi_dynamic_blocks_smt_add(a, 'why', ...)) end "
     "return add('Flood.example', DNSAction.Refused, 60, nil, nil) .. add('flood.example.', DNSAction.Refused, 5, nil, nil) .. "
     "add('a..b', 0, 60, nil, nil) .. add('', 0, 60, nil, nil) .. add(nil, 0, 60, nil, nil) .. add(('a'):rep(64), 0, 60, nil, nil) .. "
     "add('tag.example', DNSAction.SetTag, 60, nil, 'v') .. add('tag.example', DNSAction.SetTag, 60, 'k', 'v') .. "
     "add('tag.example', 255, 60, nil, nil) .. b(C.dnsdist_ffi_dynamic_blocks_smt_add('none.example', nil, 0, 60, nil, nil))",
     "yesnonononononoyesnono"),
    ("blocklist", "C.dnsdist_ffi_dynamic_blocks_add('203.0.113.77', 'listed', DNSAction.Nxdomain, 60, 24, 0, nil, nil) "
     "C.dnsdist_ffi_dynamic_blocks_smt_add('listed.example', 'below', DNSAction.Truncate, 60, nil, nil) "
     "local list, r = ffi.new('dnsdist_ffi_dynamic_blocks_list_t *[1]'), '' "
     "for _, get in ipairs{C.dnsdist_ffi_dynamic_blocks_get_entries, C.dnsdist_ffi_dynamic_blocks_smt_get_entries} do "
     "local n = tonumber(get(list)) for i = 0, n - 1 do local e = C.dnsdist_ffi_dynamic_blocks_list_get(list[0], i) "
     "local key = ffi.string(e.key) if key == '203.0.113.0/24' or key == 'listed.example.' then "
     "r = r .. key .. ' ' .. ffi.string(e.reason) .. ' ' .. e.action .. b(e.remainingTime > 50 and e.remainingTime <= 60) .. "
     "tonumber(e.blockedQueries) .. b(e.ebpf) .. b(e.warning) .. ' ' end end "
     "r = r .. b(C.dnsdist_ffi_dynamic_blocks_list_get(list[0], n) == nil) .. b(C.dnsdist_ffi_dynamic_blocks_list_get(list[0], -1) == nil) .. ' ' "
     "C.dnsdist_ffi_dynamic_blocks_list_free(list[0]) end return r",
     "203.0.113.0/24 listed 1yes0nono yesyes listed.example. below 8yes0nono yesyes "),
    ("statnode", "local n = ffi.cast('dnsdist_ffi_stat_node_t *', nil) local d, s = ffi.new('const char *[1]'), ffi.new('size_t[1]', 9) "
     "C.dnsdist_ffi_stat_node_get_full_name_raw(n, d, s) C.dnsdist_ffi_state_node_set_action(n, 1) "
     "C.dnsdist_ffi_state_node_set_reason(n, 'why', 3) return b(d[0] == nil) .. tonumber(s[0]) .. "
     "tonumber(C.dnsdist_ffi_stat_node_get_queries_count(n)) .. C.dnsdist_ffi_stat_node_get_labels_count(n)", "yes000"),
]


def both(label, body):
    """Two rules that run the same words: in the shared state, and in a state of each thread."""
    words = f"return function(dq) {body} end"
    return (f'do {PRELUDE} addAction("shared.{label}.ffi.test", LuaFFIAction((function() {words} end)())) end\n'
            f'addAction("thread.{label}.ffi.test", LuaFFIPerThreadAction([==[{PRELUDE} {words}]==]))\n')


# Every parameter; the hints once as text and once as bytes, the keys out of order.
SERVICE = r"""
local one = ffi.new('dnsdist_ffi_svc_record_parameters *[2]')
local list = ffi.new('const dnsdist_ffi_svc_record_parameters *[2]')
C.dnsdist_ffi_svc_record_parameters_new('svc.test', 1, true, one)
C.dnsdist_ffi_svc_record_parameters_new('.', 2, false, one + 1)
local s = one[0]
C.dnsdist_ffi_svc_record_parameters_set_additional_param(s, 667, 'hello', 5)
C.dnsdist_ffi_svc_record_parameters_set_port(s, 99) C.dnsdist_ffi_svc_record_parameters_set_port(s, 8443)
C.dnsdist_ffi_svc_record_parameters_set_ech(s, 'ech', 3)
for _, key in ipairs{3, 1, 3, 2} do C.dnsdist_ffi_svc_record_parameters_add_mandatory_param(s, key) end
C.dnsdist_ffi_svc_record_parameters_add_alpn(s, 'h2', 2) C.dnsdist_ffi_svc_record_parameters_add_alpn(s, 'h3', 2)
C.dnsdist_ffi_svc_record_parameters_add_ipv4_hint(s, '192.0.2.5', 9)
C.dnsdist_ffi_svc_record_parameters_add_ipv4_hint(s, '\192\0\2\6', 4)
C.dnsdist_ffi_svc_record_parameters_add_ipv4_hint(s, '2001:db8::1', 11)
C.dnsdist_ffi_svc_record_parameters_add_ipv6_hint(s, '2001:db8::5', 11)
list[0], list[1] = one[0], one[1]
local good = C.dnsdist_ffi_dnsquestion_generate_svc_response(dq, list, 2, 77)
C.dnsdist_ffi_svc_record_parameters_free(one[0]) C.dnsdist_ffi_svc_record_parameters_free(one[1])
return good and DNSAction.HeaderModify or DNSAction.Refused
"""

ACT = {
    "svc": (SERVICE, dns.rcode.REFUSED),  # of another type
    "pool": ("local s = 'other' C.dnsdist_ffi_dnsquestion_set_result(dq, s, #s) return DNSAction.Pool", "192.0.2.2"),
    "spoof": ("C.dnsdist_ffi_dnsquestion_set_result(dq, '192.0.2.9', 9) return DNSAction.Spoof", "192.0.2.9"),
    "addrs": ("local v = ffi.new('dnsdist_ffi_raw_value_t[1]') v[0].value = '\\192\\0\\2\\8' v[0].size = 4 "
              "C.dnsdist_ffi_dnsquestion_spoof_addrs(dq, v, 1) return DNSAction.HeaderModify", "192.0.2.8"),
    "none": ("return DNSAction.None", "192.0.2.1"),
    "refuse": ("C.dnsdist_ffi_dnsquestion_set_rcode(dq, 5) return DNSAction.HeaderModify", dns.rcode.REFUSED),
    "fail": ("error('on purpose')", dns.rcode.SERVFAIL),
    "nothing": ("return {}", dns.rcode.SERVFAIL),
    "number": ("return 77", "192.0.2.1"),
}

CONFIG = """
newServer{address="$main", name="main"}
newServer{address="$other", name="other", pool="other"}
local ffi = require('ffi')
""" + "".join(both(label, f"local function words() {body} end return say(dq, (words()))") for label, body, _ in READ) \
    + "".join(both(label, body) for label, (body, _) in ACT.items()) + r"""
addAction("broken.ffi.test", LuaFFIPerThreadAction("retur 1"))
addAction("table.ffi.test", LuaFFIPerThreadAction("return {}"))
addAction(AndRule{QNameRule("rule.ffi.test"), LuaFFIRule(function(dq)
  return ffi.C.dnsdist_ffi_dnsquestion_get_qtype(dq) == DNSQType.A end)}, RCodeAction(DNSRCode.REFUSED))
addAction(AndRule{QNameRule("threadrule.ffi.test"), LuaFFIPerThreadRule([[local C = require('ffi').C
  return function(dq) return C.dnsdist_ffi_dnsquestion_get_qtype(dq) == DNSQType.A end]])}, RCodeAction(DNSRCode.REFUSED))
addAction(AndRule{QNameRule("norule.ffi.test"), LuaFFIPerThreadRule("return 1")}, RCodeAction(DNSRCode.REFUSED))
addResponseAction("ttl.ffi.test", LuaFFIResponseAction(function(dr)
  ffi.C.dnsdist_ffi_dnsresponse_limit_ttl(dr, 7, 9) return DNSResponseAction.None end))
addResponseAction("threadttl.ffi.test", LuaFFIPerThreadResponseAction([[local C = require('ffi').C
  return function(dr) C.dnsdist_ffi_dnsresponse_set_max_ttl(dr, 8) return DNSResponseAction.None end]]))
addResponseAction("clear.ffi.test", LuaFFIResponseAction(function(dr)
  ffi.C.dnsdist_ffi_dnsresponse_clear_records_type(dr, DNSQType.A) return DNSResponseAction.HeaderModify end))
addResponseAction("rfail.ffi.test", LuaFFIResponseAction(function(dr) error('on purpose') end))
addResponseAction("rebase.ffi.test", LuaFFIResponseAction(function(dr)
  ffi.C.dnsdist_ffi_dnsresponse_rebase(dr, '\5other\3ffi\4test\0', 17) return DNSResponseAction.None end))
kept = nil
addAction("keep.ffi.test", LuaFFIAction(function(dq) kept = dq return DNSAction.None end))
"""


@pytest.fixture(scope="module")
def p():
    with Responder(address_answer("192.0.2.1")) as main, Responder(address_answer("192.0.2.2")) as other:
        with Proxy(CONFIG, main=main.address, other=other.address) as proxy:
            yield proxy


def option_query(name, **more):
    import dns.edns
    return query(name, do=True, id=0x1234, options=[dns.edns.GenericOption(65001, b"abc")], **more)


@pytest.mark.parametrize("state", ["shared", "thread"])
@pytest.mark.parametrize("label,body,expected", READ, ids=[row[0] for row in READ])
def test_what_functions_read(p, state, label, body, expected):
    with p.udp() as end:
        got = end.ask(option_query(f"{state}.{label}.ffi.test", qtype="TXT"))
    text = got.answer[0][0].strings[0].decode()
    assert text == (expected if label != "qname" else f".{state}{expected}")


@pytest.mark.parametrize("state", ["shared", "thread"])
@pytest.mark.parametrize("label", ACT)
def test_what_functions_do(p, state, label):
    with p.udp() as end:
        got = end.ask(query(f"{state}.{label}.ffi.test"))
    expected = ACT[label][1]
    if isinstance(expected, str):
        assert addresses(got) == [expected]
    else:
        assert got.rcode() == expected and not got.answer


@pytest.mark.parametrize("state", ["shared", "thread"])
def test_services(p, state):
    with p.udp() as end:
        got = end.ask(query(f"{state}.svc.ffi.test", "HTTPS"))
    assert sorted(rdata.to_text() for rdata in got.answer[0]) == [
        '1 svc.test. mandatory="alpn,no-default-alpn,port" alpn="h2,h3" no-default-alpn port="8443" '
        'ipv4hint="192.0.2.5,192.0.2.6" ech="ZWNo" ipv6hint="2001:db8::5" key667="hello"', "2 ."]
    assert got.answer[0].ttl == 77
    assert sorted(f"{r.name} {rdata}" for r in got.additional for rdata in r) == [
        "svc.test. 192.0.2.5", "svc.test. 192.0.2.6", "svc.test. 2001:db8::5"]


@pytest.mark.parametrize("name", ["broken", "table"])
def test_code_that_gives_no_function_is_skipped(p, name):
    with p.udp() as end:
        assert addresses(end.ask(query(f"{name}.ffi.test"))) == ["192.0.2.1"]


def test_rules(p):
    with p.udp() as end:
        for name in ("rule", "threadrule"):
            assert end.ask(query(f"{name}.ffi.test")).rcode() == dns.rcode.REFUSED
            assert end.ask(query(f"{name}.ffi.test", "AAAA")).rcode() == dns.rcode.NOERROR
        assert end.ask(query("norule.ffi.test")).rcode() == dns.rcode.NOERROR


def test_responses(p):
    with p.udp() as end:
        assert end.ask(query("ttl.ffi.test")).answer[0].ttl in (7, 8, 9)
        assert end.ask(query("threadttl.ffi.test")).answer[0].ttl <= 8
        assert not end.ask(query("clear.ffi.test")).answer
        assert end.ask(query("rfail.ffi.test")).rcode() == dns.rcode.SERVFAIL
        assert str(end.ask(query("rebase.ffi.test")).question[0].name) in ("other.ffi.test.", "rebase.ffi.test.")


def test_show_rules(p):
    shown = p.command("showRules()")
    assert "Lua FFI script" in shown and "Lua FFI per-thread script" in shown


def test_a_kept_handle_leads_nowhere(p):
    with p.udp() as end:
        end.ask(query("keep.ffi.test"))
    lines = [
        "return tonumber(require('ffi').C.dnsdist_ffi_dnsquestion_get_qtype(kept))",
        "return tonumber(require('ffi').C.dnsdist_ffi_dnsquestion_get_len(kept))",
        "return tostring(require('ffi').C.dnsdist_ffi_dnsquestion_get_tag(kept, 'a') == nil)",
        "require('ffi').C.dnsdist_ffi_dnsquestion_set_rcode(kept, 3) return 'gone'",
        "require('ffi').cast('uint8_t *', require('ffi').C.dnsdist_ffi_dnsquestion_get_header(kept))[2] = 255 return 'gone'",
    ]
    assert [p.command(line).strip() for line in lines] == ["0", "0", "true", "gone", "gone"]


def declarations():
    """Name and argument types of every function that is declared."""
    text = re.sub(r"//[^\n]*", "", HEADER.read_text())
    for name, arguments in re.findall(r"\b(dnsdist_ffi_\w+)\(([^()]*)\);", text):
        yield name, [a.strip() for a in arguments.split(",") if a.strip()]


def test_every_function_survives_nothing_and_nonsense(p):
    """NULL for every pointer, zero and the largest number for every number; in a state without a query."""
    found = list(declarations())
    assert len(found) > 190
    calls = []
    for name, arguments in found:
        for number, flag in (("0", "false"), ("-1", "true")):
            values = ", ".join("nil" if "*" in a else flag if a.startswith("bool") else number for a in arguments)
            calls.append(f"if pcall(function() return C.{name} end) then C.{name}({values}) else lost = lost .. ' {name}' end")
    body = "\n".join(calls)
    p.command("function abuse() local C, lost = require('ffi').C, ''\n" + body + "\nreturn 'lost:' .. lost end")
    assert p.command("return abuse()").strip() == "lost:"


POLICIES = r"""
newServer{address="$one", name="one", weight=100, order=1}
newServer{address="$two", name="two", weight=100, order=2}
newServer{address="$two", name="down", weight=100, order=3}:setDown()
addAction("none.policy.test", PoolAction("none"))
addAction("thread.policy.test", PoolAction("thread"))
addAction("fail.policy.test", PoolAction("fail"))
addAction("hash.policy.test", PoolAction("hash"))
for _, pool in ipairs{"none", "thread", "fail", "hash"} do
  getServer(0):addPool(pool) getServer(1):addPool(pool)
end
setServFailWhenNoServer(true)
local C = require('ffi').C
local ffi = require('ffi')
setServerPolicyLuaFFI("second", function(servers, dq)
  local out = ffi.new('const dnsdist_ffi_server_t *[1]')
  for i = 0, tonumber(C.dnsdist_ffi_servers_list_get_count(servers)) - 1 do
    C.dnsdist_ffi_servers_list_get_server(servers, i, out)
    if ffi.string(C.dnsdist_ffi_server_get_name(out[0])) == 'two' and C.dnsdist_ffi_server_is_up(out[0])
       and C.dnsdist_ffi_server_get_weight(out[0]) == 100 and C.dnsdist_ffi_server_get_order(out[0]) == 2
       and ffi.string(C.dnsdist_ffi_server_get_name_with_addr(out[0])):find('two %(') == 1 then return i end
  end
  return 99
end)
setPoolServerPolicyLuaFFI("none", function(servers, dq) return 17 end, "none")
setPoolServerPolicyLuaFFIPerThread("thread", "return function(servers, dq) return 0 end", "thread")
setPoolServerPolicyLuaFFI("fail", function(servers, dq) error('on purpose') end, "fail")
setPoolServerPolicyLuaFFIPerThread("hash", [[local C = require('ffi').C
  return function(servers, dq) return tonumber(C.dnsdist_ffi_servers_list_chashed(servers, dq,
    C.dnsdist_ffi_dnsquestion_get_qname_hash(dq, 1))) end]], "hash")
addAction("a.hash.policy.test", PoolAction("hash"))
"""


OWN_BYTES = """
newServer{address="$main", healthCheckMode="up"}
addAction("raw.test", LuaFFIAction(function(dq)
  local list, v = ffi.new("const dnsdist_ffi_ednsoption_t *[1]"), ffi.new("dnsdist_ffi_raw_value_t[3]")
  if C.dnsdist_ffi_dnsquestion_get_edns_options(dq, list) ~= 1 then return DNSAction.Refused end
  local half = list[0][0].len / 2
  for i = 0, 1 do v[i].value, v[i].size = ffi.cast('const char *', list[0][0].data) + i * half, half end
  v[2].value, v[2].size = ffi.cast('const char *', C.dnsdist_ffi_dnsquestion_get_data(dq)) + 12, 10
  C.dnsdist_ffi_dnsquestion_spoof_raw(dq, v, 3)
  return DNSAction.HeaderModify end))
addAction("tail.test", LuaFFIAction(function(dq)
  local tail = ffi.new("const char *[1]")
  local n = tonumber(C.dnsdist_ffi_dnsquestion_get_trailing_data(dq, tail))
  local wanted = ffi.string(tail[0] + 3, n - 3)
  if not C.dnsdist_ffi_dnsquestion_set_trailing_data(dq, tail[0] + 3, n - 3) then return DNSAction.Refused end
  n = tonumber(C.dnsdist_ffi_dnsquestion_get_trailing_data(dq, tail))
  return ffi.string(tail[0], n) == wanted and DNSAction.Nxdomain or DNSAction.ServFail end))
addAction("old.test", LuaFFIAction(function(dq)
  local value = ffi.cast("const char *", C.dnsdist_ffi_dnsquestion_get_data(dq)) + 12
  C.dnsdist_ffi_dnsquestion_set_alternate_name(dq, "\\3new\\4test\\0", 10, "t", 1, value, 10, "f", 1)
  local got = ffi.string(C.dnsdist_ffi_dnsquestion_get_tag(dq, "t"))
  return got == "\\3old\\4test" and DNSAction.Nxdomain or DNSAction.ServFail end))
addAction("packet.test", LuaFFIAction(function(dq)
  local data, n = C.dnsdist_ffi_dnsquestion_get_data(dq), tonumber(C.dnsdist_ffi_dnsquestion_get_size(dq))
  C.dnsdist_ffi_dnsquestion_set_size(dq, n + 60)
  data = C.dnsdist_ffi_dnsquestion_get_data(dq)
  ffi.copy(ffi.cast("char *", data) + 20, ffi.string(data, n), n)
  C.dnsdist_ffi_dnsquestion_spoof_packet(dq, ffi.cast('const char *', data) + 20, n)
  return DNSAction.HeaderModify end))
"""


def test_bytes_of_the_query_itself_as_arguments():
    """Pointers that getters gave lead into the packet that setters write."""
    with Responder(address_answer("192.0.2.1")) as main:
        with Proxy("ffi = require('ffi') C = ffi.C" + OWN_BYTES, main=main.address) as p, p.udp() as end:
            for size in (64, 1000):  # the second makes the packet larger than its buffer
                data = bytes(i * 7 % 251 for i in range(size))
                q = dns.message.make_query("raw.test", 65280, use_edns=0, payload=4096,
                                           options=[dns.edns.GenericOption(65001, data)])
                got = sorted(r.to_wire() for r in end.ask(q).answer[0])
                assert got == sorted([data[:size // 2], data[size // 2:], b"\x03raw\x04test\x00"])
            end.socket.send(query("tail.test").to_wire() + bytes(range(200)))
            assert end.socket.recv(4096)[3] & 15 == dns.rcode.NXDOMAIN
            end.socket.send(query("old.test").to_wire())
            assert end.socket.recv(4096)[3] & 15 == dns.rcode.NXDOMAIN
            assert end.ask(query("packet.test")).question[0].name.to_text() == "packet.test."


def test_policies():
    with Responder(address_answer("192.0.2.1")) as one, Responder(address_answer("192.0.2.2")) as two:
        with Proxy(POLICIES, one=one.address, two=two.address) as p, p.udp() as end:
            assert addresses(end.ask(query("plain.policy.test"))) == ["192.0.2.2"]
            assert end.ask(query("none.policy.test")).rcode() == dns.rcode.SERVFAIL
            assert addresses(end.ask(query("thread.policy.test"))) == ["192.0.2.1"]
            end.send_and_expect_nothing(query("fail.policy.test"), query("thread.policy.test"))
            seen = {addresses(end.ask(query(f"n{i}.hash.policy.test")))[0] for i in range(60)}
            assert seen == {"192.0.2.1", "192.0.2.2"}
            again = {addresses(end.ask(query("n1.hash.policy.test")))[0] for i in range(10)}
            assert len(again) == 1
            assert "second" in p.command("showServerPolicy()")
            assert "Caught exception: " in p.command("setServerPolicyLuaFFIPerThread('p', 'x y')")


def test_cache_lists():
    config = """newServer{address="$one"} getPool(""):setCache(newPacketCache(100))"""
    with Responder(lambda asked: answer(asked, "60 A 192.0.2.77")) as one, Proxy(config, one=one.address) as p:
        with p.udp() as end:
            end.ask(query("cached.ffi.test"))
        script = """
local ffi = require('ffi') local C = ffi.C
local d, a = ffi.new('dnsdist_ffi_domain_list_t *[1]'), ffi.new('dnsdist_ffi_address_list_t *[1]')
local n, m = C.dnsdist_ffi_packetcache_get_domain_list_by_addr('', '192.0.2.77', d),
             C.dnsdist_ffi_packetcache_get_address_list_by_domain('', 'cached.ffi.test', a)
local text = tonumber(n) .. ffi.string(C.dnsdist_ffi_domain_list_get(d[0], 0)) .. tonumber(m) ..
             ffi.string(C.dnsdist_ffi_address_list_get(a[0], 0)) .. tostring(C.dnsdist_ffi_address_list_get(a[0], 9) == nil)
C.dnsdist_ffi_domain_list_free(d[0]) C.dnsdist_ffi_address_list_free(a[0])
return text"""
        assert p.command(script.replace("\n", " ")).strip() == "1cached.ffi.test.1192.0.2.77true"
        assert p.command("return tonumber(require('ffi').C.dnsdist_ffi_packetcache_get_domain_list_by_addr("
                         "'nopool', '1.2.3.4', require('ffi').new('dnsdist_ffi_domain_list_t *[1]')))").strip() == "0"
        nothing = script[:script.index("local text")].replace("192.0.2.77", "192.0.2.78").replace("cached.", "other.")
        assert p.command(nothing.replace("\n", " ") + "return tostring(n == 0 and m == 0 and d[0] == nil and a[0] == nil)") == "true\n"


# The first label is the query's number, the second what happens; who lets it go on is a function of the shared state, or
# another query whose name says what to do.
ASYNC = r"""
newServer{address="$backend", name="one"}
getPool(""):setCache(newPacketCache(100))
SUSPEND = [[local C, ffi = require('ffi').C, require('ffi')
  return function(dq)
    local d, s = ffi.new('const char *[1]'), ffi.new('size_t[1]')
    dq = ffi.cast('dnsdist_ffi_dnsquestion_t *', dq)
    C.dnsdist_ffi_dnsquestion_get_qname_raw(dq, d, s)
    local name = ffi.string(d[0], s[0])
    local id = tonumber(name:sub(2, 1 + name:byte(1)))
    local good = C.WHICH(dq, 7, id, name:find('short') and 50 or 20000)
    if name:find('again') then good = C.WHICH(dq, 8, id, 1000) end
    if name:find('error') then error('after set_async') end
    return good and DNSAction.Drop or DNSAction.Refused
  end]]
ASK, ANSWER = SUSPEND:gsub('WHICH', 'dnsdist_ffi_dnsquestion_set_async'), SUSPEND:gsub('WHICH', 'dnsdist_ffi_dnsresponse_set_async')
addAction("kept.test", LuaAction(function(dq) dq:setRestartable() return DNSAction.None end))
addAction("shared.ask.test", LuaFFIAction(loadstring(ASK)()))
addAction("thread.ask.test", LuaFFIPerThreadAction(ASK))
addResponseAction("shared.answer.kept.test", LuaFFIResponseAction(loadstring(ANSWER)()))
addResponseAction("thread.answer.kept.test", LuaFFIPerThreadResponseAction(ANSWER))
addSelfAnsweredResponseAction("ask.test", SetMaxReturnedTTLResponseAction(5))
addResponseAction(TagRule("seen", "yes"), SetMaxReturnedTTLResponseAction(9))
addResponseAction(TagRule("former"), LuaFFIResponseAction(function(dr)
  local C, ffi = require('ffi').C, require('ffi')
  local name = ffi.new('char[255]')
  local size = C.dnsdist_ffi_dnsquestion_get_tag_raw(ffi.cast('dnsdist_ffi_dnsquestion_t *', dr), 'former', name, 255)
  C.dnsdist_ffi_dnsresponse_rebase(dr, name, size)
  return DNSResponseAction.None
end))
addAction(LuaFFIRule(function(dq) return require('ffi').C.dnsdist_ffi_dnsquestion_set_async(dq, 7, 99, 1000) end), DropAction())
C = require('ffi').C
"""


@pytest.fixture(scope="module")
def parked():
    with Responder(address_answer("192.0.2.1")) as backend, Proxy(ASYNC, backend=backend.address) as proxy:
        proxy.backend = backend
        yield proxy


def until(p, call):
    """What the function of ffi.C says once somebody is parked under its numbers."""
    wait_until(lambda: p.command(f"return tostring(C.dnsdist_ffi_{call})").strip() == "true", what=call)


@pytest.mark.parametrize("state", ["shared", "thread"])
@pytest.mark.parametrize("side", ["ask", "answer.kept"])
def test_suspended_queries_go_on(parked, state, side):
    p = parked
    zone = f"{state}.{side}.test"
    with p.udp() as end:
        end.send(query(f"1.tag.{zone}"))
        until(p, "resume_from_async(7, 1, 'seen', 4, 'yes', 3, true)")
        got = end.receive()
        assert addresses(got) == ["192.0.2.1"] and (got.answer[0].ttl <= 9) == (side == "ask")
        end.send(query(f"2.drop.{zone}"))
        until(p, "drop_from_async(7, 2)")
        end.send(query(f"3.rcode.{zone}"))
        until(p, "set_rcode_from_async(7, 3, 3, true)")
        got = end.receive()
        assert got.rcode() == dns.rcode.NXDOMAIN and not got.answer
        asked = query(f"4.packet.{zone}")
        end.send(asked)
        raw = dns.message.make_response(asked, recursion_available=True)
        raw.id ^= 0xffff
        raw.answer.append(dns.rrset.from_text(asked.question[0].name, 300, "IN", "A", "192.0.2.44"))
        wire = raw.to_wire()
        text = "".join(f"\\{byte:03}" for byte in wire)
        until(p, f"set_answer_from_async(7, 4, '{text}', {len(wire)})")
        assert addresses(end.receive()) == ["192.0.2.44"]
        end.send(query(f"5.name.{zone}"))
        other = f"renamed-{state}-{side[:3]}"
        until(p, f"resume_from_async_with_alternate_name(7, 5, '\\{len(other)}{other}\\4test\\0', {len(other) + 7}, "
                 "'seen', 4, 'no', 2, 'former', 6)")
        got = end.receive()
        assert addresses(got) == ["192.0.2.1"] and str(got.question[0].name) == f"5.name.{zone}."
        assert p.backend.asked_for(f"{other}.test")
        end.send(query(f"6.short.{zone}"))
        assert addresses(end.receive()) == ["192.0.2.1"]
        for number, what in ((7, "again"), (8, "error")):
            end.send(query(f"{number}.{what}.{zone}"))
            until(p, f"resume_from_async(7, {number}, nil, 0, nil, 0, false)")
            assert addresses(end.receive()) == ["192.0.2.1"]
        for number in range(1, 9):
            assert p.command(f"return tostring(C.dnsdist_ffi_drop_from_async(7, {number}))").strip() == "false"
        end.send_and_expect_nothing(query(f"9.last.{zone}"), query("plain.kept.test"))
        assert p.command("return tostring(C.dnsdist_ffi_set_answer_from_async(7, 9, 'short', 5))").strip() == "false"
        until(p, "drop_from_async(7, 9)")

    def balanced():
        queries, sent, dropped, waiting = p.balance()
        return waiting == 0 and queries == sent + dropped
    wait_until(balanced, what="the equation")


def test_who_may_suspend(parked):
    """Selectors and policies cannot, nor may a pair of numbers be used twice."""
    with parked.udp() as end, parked.udp() as other:
        assert addresses(end.ask(query("selector.test"))) == ["192.0.2.1"]
        end.send(query("20.first.shared.ask.test"))
        wait_until(lambda: parked.balance()[3] == 1, what="parked")
        assert other.ask(query("20.second.thread.ask.test")).rcode() == dns.rcode.REFUSED
        until(parked, "drop_from_async(7, 20)")


# The listener hears what functions of both kinds send, and keeps its last message.
NETWORK = r"""
newServer{address="$backend"}
heard = ""
C, ffi = require('ffi').C, require('ffi')
listener = newNetworkListener()
listener:addUnixListeningEndpointFFI("$folder/in", 513, function(message)
  kept = message
  local C, ffi = require('ffi').C, require('ffi')
  local text = ffi.string(C.dnsdist_ffi_network_message_get_payload(message),
                          C.dnsdist_ffi_network_message_get_payload_size(message))
  heard = heard .. C.dnsdist_ffi_network_message_get_endpoint_id(message) .. text:gsub('%z', '0') .. " "
  if text:find("error") then error("on purpose") end
end)
listener:start()
SEND = [[local C, ffi = require('ffi').C, require('ffi')
  return function(dq)
    local path, one = "$folder/in", ffi.new('dnsdist_ffi_network_endpoint_t *[1]')
    local good = C.dnsdist_ffi_network_endpoint_new(path, #path, one)
    good = good and C.dnsdist_ffi_network_endpoint_is_valid(one[0]) and C.dnsdist_ffi_network_endpoint_send(one[0], 'a\0STATE', 7)
    C.dnsdist_ffi_network_endpoint_free(one[0])
    local bad = C.dnsdist_ffi_network_endpoint_new(path .. 'side', #path + 4, one)
    return good and not bad and DNSAction.None or DNSAction.Refused
  end]]
addAction("shared.test", LuaFFIAction(loadstring((SEND:gsub('STATE', 'lock ')))()))
addAction("thread.test", LuaFFIPerThreadAction((SEND:gsub('STATE', 'free '))))
"""


def test_network():
    with Responder(address_answer("192.0.2.1")) as one, Proxy(NETWORK, backend=one.address) as p:
        with p.udp() as end:
            for name, text in (("shared.test", "513a0lock"), ("thread.test", "513a0free")):
                assert addresses(end.ask(query(name))) == ["192.0.2.1"]
                wait_until(lambda: text in p.command("return heard"), what=text)
        assert p.command("return tostring(C.dnsdist_ffi_network_message_get_payload(kept) == nil)").strip() == "true"
        assert p.command("return tonumber(C.dnsdist_ffi_network_message_get_payload_size(kept))").strip() == "0"
        p.command(f"e = newNetworkEndpoint('{p.folder.name}/in') e:send('error') e:send('behind')")
        wait_until(lambda: "513behind" in p.command("return heard"), what="the one behind the error")
        wait_until(lambda: "on purpose" in p.output, what="the warning")


@pytest.mark.concurrent
def test_all_threads_at_once_while_rules_change():
    """Per-thread functions run on every worker while the console replaces them."""
    config = CONFIG
    with Responder(address_answer("192.0.2.1")) as main, Responder(address_answer("192.0.2.2")) as other:
        with Proxy(config, main=main.address, other=other.address) as p:
            stop = threading.Event()
            wrong = []

            def client():
                while not stop.is_set():
                    with p.udp() as end:
                        for label in ("tag", "options", "metric"):
                            got = end.ask(option_query(f"thread.{label}.ffi.test", qtype="TXT"))
                            if not got.answer:
                                wrong.append(got)
            threads = [threading.Thread(target=client) for _ in range(4)]
            for t in threads:
                t.start()
            for i in range(40):
                p.command(f"addAction('edit{i}.ffi.test', LuaFFIPerThreadAction([[return function(dq) return {i % 3} end]]),"
                          f" {{name='edit'}}) mvRuleToTop()")
                with p.udp() as end:
                    end.ask(query("x.ffi.test"))
                p.command("rmRule('edit')")
            stop.set()
            for t in threads:
                t.join()
            assert not wrong


def question_functions():
    """Name and C types of the other arguments of every function that takes a question."""
    text = re.sub(r"\s+", " ", HEADER.read_text(encoding="utf-8"))
    for name, rest in re.findall(r"\b(dnsdist_ffi_dnsquestion_\w+)\((?:const )?dnsdist_ffi_dnsquestion_t\* \w+,? ?([^)]*)\)", text):
        yield name, [word.strip() for word in rest.split(",") if word.strip()]


def test_every_function_of_questions_takes_a_response():
    """With arguments that say nothing: none raises, none ends the program, and the answer is the backend's."""
    found = list(question_functions())
    assert len(found) > 70
    names = [name for name, _ in found if "spoof" not in name and not name.endswith(("set_len", "set_size", "set_rcode", "_returned_ttl"))]
    calls = "\n".join(f"  call('{name}', {', '.join(['dr'] + ['nil' if '*' in a else 'false' if a.startswith('bool') else '0' for a in rest])})"
                      for name, rest in found if name in names)
    code = f"""
local ffi = require('ffi')
local C = ffi.C
local function call(name, ...) return C[name](...) end
return function(dr)
{calls}
  local kept = C.dnsdist_ffi_dnsquestion_set_restartable(dr)
  C.dnsdist_ffi_dnsresponse_set_max_ttl(dr, kept and 5 or 9)
  return DNSResponseAction.None
end"""
    config = f"""
newServer{{address="$backend"}}
addResponseAction("shared.test", LuaFFIResponseAction((function() {code} end)()))
addResponseAction("thread.test", LuaFFIPerThreadResponseAction([==[{code}]==]))
local C = require('ffi').C
addResponseAction("anew.test", LuaFFIResponseAction(function(dr)
  local v = require('ffi').new('dnsdist_ffi_raw_value_t[1]')
  v[0].value, v[0].size = '\\192\\0\\2\\8', 4
  C.dnsdist_ffi_dnsquestion_spoof_raw(dr, v, 1)
  return DNSResponseAction.None
end))
addSelfAnsweredResponseAction(AllRule(), DropResponseAction())
-- The other way round nothing happens: a query is no response.
addAction("query.test", LuaFFIAction(function(dq)
  C.dnsdist_ffi_dnsresponse_set_max_ttl(dq, 1)
  C.dnsdist_ffi_dnsresponse_clear_records_type(dq, 1)
  return C.dnsdist_ffi_dnsresponse_get_restart_count(dq) == 0 and DNSAction.None or DNSAction.Refused
end))
"""
    with Responder() as backend, Proxy(config, backend=backend.address) as p:
        for name, ttl in ("shared.test", 9), ("thread.test", 9), ("query.test", 3600):
            reply = p.ask(name)
            assert addresses(reply) == ["192.0.2.1"], reply
            assert reply.answer[0].ttl == ttl
        assert addresses(p.ask("anew.test")) == ["192.0.2.8"]
        assert p.counters()["responses"] == 4

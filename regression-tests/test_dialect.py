# SPDX-License-Identifier: BSD-2-Clause
"""Every function of the dialect, called well and badly, on the console of one process.

A row is a function's arguments: what it must have, "|", what it may have. From that come the good calls (with the least
and with the most) and the bad ones: too few, too many, each argument of a wrong type. A "?" in front of an argument says
that any type will do there, or that another error comes first.
"""
import subprocess

import pytest

from harness.proxy import BINARY, Proxy

SETUP = """
server = newServer{address="127.0.0.1:9", name="one", id="00000000-0000-0000-0000-000000000001", healthCheckMode="up"}
getPool("p")
nmg = newNMG()
nmg:addMask("192.0.2.0/24")
smn = newSuffixMatchNode()
smn:add("example.com.")
names = newDNSNameSet()
names:add(newDNSName("example.com."))
name = newDNSName("example.com.")
address = newCA("192.0.2.1")
cache = newPacketCache(100)
rule = AllRule()
action = NoneAction()
response = AllowResponseAction()
pair = newRuleAction(rule, action)
store = newCDBKVStore("/nonexistent", 0)
key = KeyValueLookupKeyQName()
remote = newRemoteLogger("127.0.0.1:9")
frames = newFrameStreamUnixLogger("/nonexistent")
packet = ("\\0\\0\\129\\0\\0\\1\\0\\1\\0\\0\\0\\0\\0\\0\\1\\0\\1\\0\\0\\1\\0\\1\\0\\0\\0\\5\\0\\4abcd")
record = newDNSPacketOverlay(packet):getRecord(0)
svc = newSVCRecordParameters(1, ".")
filter = newBPFFilter{}
dynfilter = newDynBPFFilter(filter)
policy = newServerPolicy("mine", function(servers, dq) return 1 end)
f = function() return true end
text = "return function() return 0 end"
values = {"v"}
bad = io.stdout
declareMetric("counter", "counter", "a counter")
declareMetric("gauge", "gauge", "a gauge")
fill = {}
for i = 1, 3 do addAction(QNameRule("fill.test"), NoneAction(), {name="fill"}) end
"""

# Functions that change nothing that others here rely on.
PLAIN = """
getBind 0 |
getBindCount |
showBinds |
getServer 0 |
getServers |
showServers | {showUUIDs=true}
getPool "p" |
getPoolServers "p" |
getPoolNames |
showPools |
setServerPolicy policy |
setServerPolicy leastOutstanding |
setServerPolicyLua "mine", f |
setServerPolicyLuaFFI "mine", f |
setServerPolicyLuaFFIPerThread "mine", text |
setPoolServerPolicy roundrobin, "p" |
setPoolServerPolicyLua "mine", f, "p" |
setPoolServerPolicyLuaFFI "mine", f, "p" |
setPoolServerPolicyLuaFFIPerThread "mine", text, "p" |
newServerPolicy "mine", f |
showServerPolicy |
showPoolServerPolicy "p" |
setServFailWhenNoServer false |
setRoundRobinFailOnNoServer false |
makeRule ?"192.0.2.0/24" |
newRuleAction ?rule, action | {name="x", uuid=""}
benchRule ?rule | 10, "example.com"
newPacketCache 10 | {maxTTL=5}
setStaleCacheEntriesTTL 0 |
setCacheCleaningDelay 60 |
setCacheCleaningPercentage 100 |
makeKey |
addConsoleACL "127.0.0.0/8" |
setConsoleACL ?{"127.0.0.1", "::1"} |
showConsoleACL |
setConsoleConnectionsLogging true |
setConsoleOutputMaxMsgSize 10000000 |
clearConsoleHistory |
delta |
help | "AllRule"
show "x" |
testCrypto | "x"
inClientStartup |
inConfigCheck |
showVersion |
addACL "192.0.2.0/24" |
rmACL "192.0.2.0/24" |
setACL ?{"127.0.0.0/8", "::1"} |
showACL |
setProxyProtocolACL ?{"192.0.2.1"} |
setProxyProtocolApplyACLToProxiedClients false |
setProxyProtocolMaximumPayloadSize 512 |
setECSOverride false |
setECSSourcePrefixV4 24 |
setECSSourcePrefixV6 56 |
setAddEDNSToSelfGeneratedResponses true |
setPayloadSizeOnSelfGeneratedAnswers 1232 |
fixupCase false |
truncateTC false |
setAllowEmptyResponse false |
setDropEmptyQueries false |
setServerID "me" |
getServerID |
dumpStats |
getStatisticsCounters |
declareMetric "other", "counter", "another" | ?"prometheus_other"
incMetric "counter" | ?2
decMetric "counter" | ?2
setMetric "gauge", 1.5 | {labels={a="b"}}
getMetric "counter" | {labels={a="b"}}
setQueryCount false |
setMaxTCPQueriesPerConnection 0 |
setMaxTCPConnectionDuration 0 |
setTCPRecvTimeout 2 |
setTCPSendTimeout 2 |
setVerbose false |
getVerbose |
setVerboseHealthChecks false |
errlog "x" |
warnlog "x" |
infolog "x" |
vinfolog "x" |
newCA "192.0.2.1" |
newCAFromRaw "abcd" | 53
newDNSName "a." |
newDNSNameFromRaw "\\0" |
newDNSNameSet |
newSuffixMatchNode |
newNMG |
newNetmask ?"192.0.2.0/24" |
newQPSLimiter 1, 1 |
newSharedCounter | 5
perThread f |
newSharedTable | 10
newSVCRecordParameters 1, ?"." | {port=53}
getResolvers "/nonexistent" |
setQueryCountFilter f |
getQueryCounters | 5
clearQueryCounters |
newThread "return 1" |
getAddressInfo "127.0.0.1", f |
newNetworkEndpoint "/nonexistent" |
newNetworkListener |
getListOfNetworkInterfaces |
getListOfAddressesOfNetworkInterface "lo" |
getListOfRangesOfNetworkInterface "lo" |
getMACAddress "127.0.0.1" |
newDNSPacketOverlay packet |
parseARecord packet, ?record |
parseAAAARecord packet, ?record |
parseAddressRecord packet, ?record |
parseCNAMERecord packet, ?record |
addMaintenanceCallback f |
addExitCallback f |
addServerStateChangeCallback f |
refreshRuntimeConfiguration |
getCurrentTime |
enableLuaConfiguration |
hashPassword "x" | 2
makeIPCipherKey "x" |
showTLSFrontends |
webserver "127.0.0.1:0" |
setWebserverConfig {password="x", acl="127.0.0.1, ::1", customHeaders={["X-A"]="b"}} |
showWebserverConfig |
setAPIWritable true | "/tmp"
registerWebHandler "/x", f |
setSecurityPollInterval 3600 |
setSecurityPollSuffix "" |
showSecurityStatus |
newTLSCertificate "x" | {key="y", password="z"}
getTLSFrontend 0 |
getTLSFrontendCount |
showTLSErrorCounters |
reloadAllCertificates |
loadTicketsKey "x" |
loadTLSEngine "x" | "y"
loadTLSProvider "x" |
generateOCSPResponse "a", "b", "c", "d", 1, 2 |
getOutgoingTLSSessionCacheSize |
setOutgoingTLSSessionsCacheMaxTicketsPerBackend 20 |
setOutgoingTLSSessionsCacheCleanupDelay 60 |
setOutgoingTLSSessionsCacheMaxTicketValidity 600 |
setTicketsKeyAddedHook f |
newDOHResponseMapEntry "^/x", 200, "x" | {a="b"}
getDOHFrontend 0 |
getDOHFrontendCount |
showDOHFrontends |
showDOHResponseCodes |
getDOH3Frontend 0 |
getDOH3FrontendCount |
showDOH3Frontends |
getDOQFrontend 0 |
getDOQFrontendCount |
showDOQFrontends |
requestDoHStatesDump |
generateDNSCryptProviderKeys "a", "b" |
generateDNSCryptCertificate "a", "b", "c", 1, 2, 3 | 1
printDNSCryptProviderFingerprint "a" |
showDNSCryptBinds |
getDNSCryptBind 0 |
getDNSCryptBindCount |
newCDBKVStore "x", 1 |
newLMDBKVStore "x", "y" | true
KeyValueLookupKeyQName | true
KeyValueLookupKeySuffix | 1, true
KeyValueLookupKeySourceIP | 24, 56, true
KeyValueLookupKeyTag "t" |
newRemoteLogger "127.0.0.1:9" | 2, 100, 1, 1
newFrameStreamUnixLogger "x" | {bufferHint=1}
newFrameStreamTcpLogger "127.0.0.1:9" | {bufferHint=1}
setOpenTelemetryTracing true |
carbonServer "127.0.0.1" | "me", 30, "dnsdist", "main"
sendCustomTrap "x" |
newBPFFilter {ipv4MaxItems=1} |
newDynBPFFilter filter |
registerDynBPFFilter dynfilter |
unregisterDynBPFFilter dynfilter |
addBPFFilterDynBlocks ?{}, dynfilter | 10, "x"
exceedQRate 1, 10 |
dynBlockRulesGroup |
addDynamicBlock ?"192.0.2.1", "x" | DNSAction.Drop, 10, 32, 0, {tagName="x"}
addDynBlocks ?{}, "x" | 10, DNSAction.Drop
addDynBlockSMT ?{"x.test"}, "x" | 10, DNSAction.Drop, {tagName="x"}
clearDynBlocks |
showDynBlocks |
getDynamicBlocks |
getDynamicBlocksSMT |
setDynBlocksAction | DNSAction.Drop
setDynBlocksPurgeInterval | 60
exceedQTypeRate 255, 1, 10 |
exceedNXDOMAINs 1, 10 |
exceedServFails 1, 10 |
exceedRespByterate 1, 10 |
grepq ?"example.com" | 5, {outputFile=os.tmpname() .. ".new"}
getRingBuffersSamplingRate |
getRingEntries |
getResponseRing |
getRespRing | 3
statNodeRespRing f | 5
topQueries | 5, 1
getTopQueries 5 | 1
topResponses | 5, 0, 1
getTopResponses 5, 0 | 1
topSlow | 5, 100, 1
getSlowResponses 5, 100 | 1, true
topTimeouts | 5, 1
topClients | 5
topBandwidth | 5
getTopBandwidth 5 |
showResponseLatency |
showDrops |
getDrops |
explain "www.example.com" | {type="AAAA"}
showLuaFunctions |
showTCPStats |
requestTCPStatesDump |
setLuaCopies true |
setTCPFastOpenKey "1-2-3-4" |
setRuleIndex true |
setScriptBudget 0 |
getDNSService "none" |
showDNSServices |
"""

SELECTORS = """
AllRule |
AndRule {rule, rule} |
OrRule {rule, rule} |
NotRule rule |
DNSSECRule |
DSTPortRule 53 |
EDNSOptionRule 8 |
EDNSVersionRule 0 |
ERCodeRule 16 |
HTTPHeaderRule "a", "b" |
HTTPPathRegexRule "^/x" |
HTTPPathRule "/x" |
IncomingProtocolRule "DoUDP" |
KeyValueStoreLookupRule store, key |
KeyValueStoreRangeLookupRule store, key |
LuaRule f |
LuaFFIRule f |
LuaFFIPerThreadRule text |
MaxQPSIPRule 1 | 32, 64, 1, 300, 60, 10, 10
MaxQPSRule 1 | 1
NetmaskGroupRule ?nmg | true, false
NetmaskGroupRule ?"192.0.2.0/24" |
NetmaskGroupRule ?{"192.0.2.0/24", "2001:db8::/32"} |
OpcodeRule 0 |
PayloadSizeRule "greater", 100 |
PoolAvailableRule "p" |
PoolOutstandingRule "p", 1 |
ProbaRule 0.5 |
QClassRule 1 |
QNameRule "example.com" |
QNameSetRule names |
QNameSuffixRule ?smn | true
QNameSuffixRule ?"example.com" |
QNameSuffixRule ?{"example.com", "example.net"} |
SuffixMatchNodeRule ?smn | true
QNameLabelsCountRule 1, 2 |
QNameWireLengthRule 1, 2 |
QTypeRule 1 |
QTypeRule "aaaa" |
QTypeRule "TYPE65280" |
RCodeRule 0 |
RDRule |
RE2Rule "x" |
RecordsCountRule 1, 0, 1 |
RecordsTypeCountRule 1, 1, 0, 1 |
RegexRule "x" |
SNIRule "x" |
TagRule "t" | "v"
ProxyProtocolValueRule 5 | "v"
TCPRule true |
TimedIPSetRule |
TrailingDataRule |
"""

FLAGS = "{aa=true, ad=true, ra=true}"
ACTIONS = f"""
AllowAction |
ContinueAction action |
DelayAction 1 |
DropAction |
DnstapLogAction "me", frames | f
ERCodeAction 16 | {FLAGS}
HTTPStatusAction 200, "x" | "text/plain", {FLAGS}
KeyValueStoreLookupAction store, key, "t" |
KeyValueStoreRangeLookupAction store, key, "t" |
LogAction | "", true, true, false, true, true
LuaAction f |
LuaFFIAction f |
LuaFFIPerThreadAction text |
NegativeAndSOAAction true, "a.", 1, "b.", "c.", 1, 2, 3, 4, 5 | {{soaInAuthoritySection=true}}
NoneAction |
PoolAction "p" | false
QPSAction 1 |
QPSPoolAction 1, "p" | false
RCodeAction 5 | {FLAGS}
RemoteLogAction remote | f, {{serverID="me"}}, {{a="pool"}}
SetDisableECSAction |
SetDisableValidationAction |
SetECSAction "192.0.2.0/24" | "2001:db8::/56"
SetECSOverrideAction true |
SetECSPrefixLengthAction 24, 56 |
SetEDNSOptionAction 10, "x" |
SetExtendedDNSErrorAction 1 | "x", true
SetMaxReturnedTTLAction 1 |
SetMacAddrAction 5 |
SetNoRecurseAction |
SetSkipCacheAction |
SetTagAction "t", "v" |
SetProxyProtocolValuesAction values |
SetAdditionalProxyProtocolValueAction 1, "v" |
SetTempFailureCacheTTLAction 1 |
SetTraceAction true | {{remoteLoggers={{remote}}}}
SNMPTrapAction | "x"
SpoofAction "192.0.2.1" | {{ttl=1}}
SpoofAction {{"192.0.2.1", "2001:db8::1"}} |
SpoofCNAMEAction "a." | {{ttl=1}}
SpoofPacketAction "123456789012", 12 |
SpoofRawAction "abcd" | {{typeForAny=1}}
SpoofSVCAction {{svc}} | {{ttl=1}}
TCAction |
TeeAction "127.0.0.1:9" | true, "127.0.0.1", true
UnsetTagAction "t" |
"""

RESPONSE_ACTIONS = """
AllowResponseAction |
ClearRecordTypesResponseAction {1, 28} |
ClearRecordTypesResponseAction 1 |
DelayResponseAction 1 |
DnstapLogResponseAction "me", frames | f
DropResponseAction |
LimitTTLResponseAction 1, 2 | {1, 28}
LogResponseAction | "", true, false, true, true
LuaResponseAction f |
LuaFFIResponseAction f |
LuaFFIPerThreadResponseAction text |
RemoteLogResponseAction remote | f, false, {serverID="me"}, {a="pool"}, true
SetEDNSOptionResponseAction 10, "x" |
SetExtendedDNSErrorResponseAction 1 | "x", true
SetMaxReturnedTTLResponseAction 1 |
SetMaxTTLResponseAction 1 |
SetMinTTLResponseAction 1 |
SetReducedTTLResponseAction 50 |
SetSkipCacheResponseAction |
SetTagResponseAction "t", "v" |
SNMPTrapResponseAction | "x"
TCResponseAction |
UnsetTagResponseAction "t" |
"""

# What others here rely on changes: called well in a process of their own.
APART = """
newServer ?"192.0.2.1" | 10
newServer ?{address="192.0.2.2", healthCheckMode="up"} |
rmServer ?0 |
rmServer ?server |
setACLFromFile "/dev/null" |
setRules {pair} |
clearRules |
setCacheMissRules {pair} |
clearCacheMissRules |
setResponseRules {} |
clearResponseRules |
setCacheHitResponseRules {} |
clearCacheHitResponseRules |
setCacheInsertedResponseRules {} |
clearCacheInsertedResponseRules |
setSelfAnsweredResponseRules {} |
clearSelfAnsweredResponseRules |
setXFRResponseRules {} |
clearXFRResponseRules |
setTimeoutResponseRules {} |
clearTimeoutResponseRules |
setKey "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=" |
"""
# Called well elsewhere: they end the process, move the console, or only make sense in a service.
ELSEWHERE = """
shutdown |
controlSocket "x" |
getAsynchronousObject 1, 1 |
rr "x", 1, "IN", "A", "192.0.2.1" |
"""

# Refused at run time, after their arguments were looked at.
CONFIG_ONLY = """
addDNSService ?{name="x", address="127.0.0.1:0"} |
setWorkers 1 |
setRingBuffersSize 100 | 1
setRingBuffersOptions {samplingRate=0, recordQueries=true} |
setRingBuffersLockRetries 5 |
addLocal "127.0.0.1:0" | {reusePort=true}
setLocal "127.0.0.1:0" | {reusePort=true}
addTLSLocal "127.0.0.1:0", ?"cert", "key" | {minTLSVersion="tls1.2"}
addDOHLocal "127.0.0.1:0" | ?"cert", "key", {"/", "/dns-query"}, {idleTimeout=1}
addDOH3Local "127.0.0.1:0", ?"cert", "key" | {idleTimeout=1}
addDOQLocal "127.0.0.1:0", ?"cert", "key" | {idleTimeout=1}
addDNSCryptBind "127.0.0.1:0", "2.provider.test", "cert", "key" | {reusePort=true}
setWeightedBalancingFactor 1.5 |
setConsistentHashingBalancingFactor 1.5 |
setWHashedPerturbation 1 |
setConsoleMaximumConcurrentConnections 1 |
addCapabilitiesToRetain "CAP_SYS_ADMIN" |
setMaxIdleDoHConnectionsPerDownstream 1 |
setDoHDownstreamCleanupInterval 1 |
setDoHDownstreamMaxIdleTime 1 |
setOutgoingDoHWorkerThreads 1 |
setMaxTCPClientThreads 1 |
setMaxTCPQueuedConnections 1 |
setMaxTCPConnectionsPerClient 1 |
setMaxTCPConnectionRatePerClient 1 |
setMaxTLSNewSessionRatePerClient 1 |
setMaxTLSResumedSessionRatePerClient 1 |
setTCPConnectionRateInterval 1 |
setMaxTCPReadIOsPerQuery 1 |
setBanDurationForExceedingMaxReadIOsPerQuery 1 |
setBanDurationForExceedingTCPTLSRate 1 |
setTCPConnectionsMaskV4 32 |
setTCPConnectionsMaskV6 128 |
setTCPConnectionsMaskV4Port 0 |
setTCPConnectionsOverloadThreshold 90 |
setTCPInternalPipeBufferSize 1 |
setMaxCachedTCPConnectionsPerDownstream 1 |
setTCPDownstreamCleanupInterval 1 |
setTCPDownstreamMaxIdleTime 1 |
setUDPTimeout 1 |
setMaxUDPOutstanding 1 |
setRandomizedIdsOverUDP true |
setRandomizedOutgoingSockets true |
setUDPMultipleMessagesVectorSize 1 |
setUDPSocketBufferSizes 0, 0 |
setVerboseLogDestination "/dev/null" |
setSyslogFacility ?"LOCAL0" |
includeDirectory "/nonexistent" |
setDefaultBPFFilter filter |
newXsk {ifName="lo", NIC_queue_id=0} |
"""

# Refused at run time by an error.
CONFIG_RAISES = """
setStructuredLogging true | {backend="default"}
snmpAgent true | "x"
"""

CHAINS = [("", "Rule", "Action", True), ("CacheMiss", "CacheMissRule", "CacheMissAction", True),
          *((word, f"{word}ResponseRule", f"{word}ResponseAction", False)
            for word in ("", "CacheHit", "CacheInserted", "SelfAnswered", "XFR", "Timeout"))]


def chain_rows():
    for _, rule, add, query in CHAINS:
        yield f'add{add} ?rule, {"action" if query else "response"} | {{name="x"}}'
        yield f"get{rule} ?0 |"
        yield f"show{rule}s | {{showUUIDs=true, truncateRuleWidth=10}}"
        yield f"top{rule}s | 5, {{showUUIDs=true}}"
        yield f"getTop{rule}s | 5"
        yield f"rm{rule} ?99 |"
        yield f"mv{rule} 0, 99 |"
        yield f"mv{rule}ToTop |"
        if query:
            yield f"get{add} 0 |"


def split(words):
    """Arguments at top level: commas inside brackets and quotes do not count."""
    pieces, depth, quoted, piece = [], 0, False, ""
    for c in words:
        quoted ^= c == '"'
        depth += 0 if quoted else (c in "{(") - (c in "})")
        if c == "," and depth == 0 and not quoted:
            pieces.append(piece.strip())
            piece = ""
        else:
            piece += c
    return [p for p in pieces + [piece.strip()] if p]


class Row:
    def __init__(self, line):
        head, optional = line.rsplit("|", 1)
        self.name, _, required = head.strip().partition(" ")
        required, optional = split(required), split(optional)
        self.any = [p.startswith("?") for p in required + optional]
        self.arguments = [p.lstrip("?") for p in required + optional]
        self.required = len(required)

    def call(self, arguments):
        return f"{self.name}({', '.join(arguments)})"

    def __repr__(self):
        return self.call(self.arguments)


def rows(table):
    return [Row(line) for line in (table.strip().splitlines() if isinstance(table, str) else table)]


GOOD = rows(PLAIN) + rows(SELECTORS) + rows(ACTIONS) + rows(RESPONSE_ACTIONS) + rows(chain_rows())
REFUSED = rows(CONFIG_ONLY)
RAISING = rows(CONFIG_RAISES)
ALONE = rows(APART)
EVERY = GOOD + REFUSED + RAISING + ALONE + rows(ELSEWHERE)


@pytest.fixture(scope="module")
def proxy():
    with Proxy(SETUP, listen_options="{reusePort=true}") as running:
        yield running


def attempt(proxy, call):
    """What pcall says of a call: None, or the error's text."""
    answer = proxy.command(f"(function() local ok, e = pcall(function() return {call} end) "
                           "return ok and 'good' or 'bad ' .. tostring(e) end)()")
    assert answer.startswith(("good", "bad ")), f"{call}: {answer}"
    return None if answer.startswith("good") else answer[4:].rstrip("\n")


@pytest.mark.parametrize("row", GOOD, ids=repr)
def test_good(proxy, row):
    for arguments in (row.arguments[:row.required], row.arguments):
        assert attempt(proxy, row.call(arguments)) is None


def test_changes_of_what_others_rely_on():
    with Proxy(SETUP) as alone:
        for row in ALONE:
            for arguments in ([row.arguments] if row.name == "rmServer" else [row.arguments[:row.required], row.arguments]):
                assert attempt(alone, row.call(arguments)) is None


def test_every_function_is_in_a_table():
    described = subprocess.run([BINARY, "--describe=completion"], capture_output=True, text=True, check=True).stdout
    names = {line.split("(")[0] for line in described.splitlines() if not line.startswith(":")}
    assert sorted(names - {row.name for row in EVERY}) == []


@pytest.mark.parametrize("row", EVERY, ids=repr)
def test_number_of_arguments(proxy, row):
    if row.required > 0:
        assert attempt(proxy, row.call(row.arguments[:row.required - 1])).endswith(
            f"This function requires at least {row.required} parameter(s)")
    if row.name not in TWO_FORMS:
        assert attempt(proxy, row.call(row.arguments + ["nil"])).endswith(
            f"This function requires at most {len(row.arguments)} parameter(s)")


@pytest.mark.parametrize("row", [r for r in EVERY if r.arguments], ids=repr)
def test_wrong_types(proxy, row):
    for i, whatever in enumerate(row.any):
        if not whatever:
            error = attempt(proxy, row.call(row.arguments[:i] + ["bad"] + row.arguments[i + 1:]))
            assert error is not None and "Unable to convert parameter from userdata to " in error, (i, error)
        if i < row.required and not whatever:
            error = attempt(proxy, row.call(row.arguments[:i] + ["nil"] + row.arguments[i + 1:]))
            assert error is not None and "Unable to convert parameter from nil to " in error, (i, error)


# Rows with every argument that have more, of another form.
TWO_FORMS = {"newServer", "rr", "NetmaskGroupRule", "QNameSuffixRule", "SpoofAction", "newNetmask"}


@pytest.mark.parametrize("row", REFUSED, ids=repr)
def test_not_at_run_time(proxy, row):
    for arguments in (row.arguments[:row.required], row.arguments):
        assert proxy.command(row.call(arguments)) == f"{row.name} cannot be used at runtime!\n"


@pytest.mark.parametrize("row", RAISING, ids=repr)
def test_error_at_run_time(proxy, row):
    assert attempt(proxy, row.call(row.arguments)).startswith("Caught exception: ")


def test_everything_loads(tmp_path):
    """The same calls in a configuration file that is only checked, with the least and the most of arguments."""
    lines = [SETUP]
    for row in GOOD + REFUSED + RAISING:
        lines += [f"local x = {row.call(a)}" for a in (row.arguments[:row.required], row.arguments)
                  if row.name not in ("getServer", "addDNSService")]
    path = tmp_path / "all.conf"
    path.write_text("\n".join(f"do {line} end" if line != SETUP else line for line in lines))
    done = subprocess.run([BINARY, "--check-config", "-C", str(path)], capture_output=True, text=True, timeout=30,
                          check=False)
    assert done.returncode == 0, done.stdout
    assert 'msg="Configuration OK"' in done.stdout


def test_waiting_parts_say_so_once(proxy):
    """Where, what, why: one sentence for each place, on the console each time."""
    sentence = 'SNIRule (console) never matches: this version of dnsproxy has no DNS over TLS'
    for _ in range(2):
        assert proxy.command('addAction(SNIRule("y"), DropAction())') == sentence + "\n"
    assert proxy.output.count(sentence) == 1
    assert f'newCDBKVStore ({proxy.config_path}:' in proxy.output


@pytest.mark.parametrize("what", ["TLSFrontend", "DOHFrontend", "DOH3Frontend", "DOQFrontend", "DNSCryptBind"])
def test_no_such_listener(proxy, what):
    assert proxy.command(f"get{what}(0)") == f"Error: get{what}(0): there are only 0\n"
    assert proxy.command(f"get{what}Count()") == "0\n"


def test_listeners_that_wait_are_counted():
    with Proxy('addTLSLocal("127.0.0.1:0", "cert", "key")\naddDOHLocal("127.0.0.1:0")\naddDOHLocal("127.0.0.1:0")\n'
               "getTLSFrontend(0):reloadCertificates()\ngetDOHFrontend(1):reloadCertificates()") as p:
        assert [p.command(f"get{what}FrontendCount()") for what in ("TLS", "DOH", "DOQ")] == ["1\n", "2\n", "0\n"]
        assert p.command("getTLSFrontend(1)") == "Error: getTLSFrontend(1): there are only 1\n"
        assert p.command("getBindCount()") == "2\n"


def test_hashed_password(proxy):
    import re
    first, second = (proxy.command('hashPassword("secret")') for _ in range(2))
    assert re.fullmatch(r"\$scrypt\$ln=10,p=1,r=8\$[A-Za-z0-9+/]{22}==\$[A-Za-z0-9+/]{43}=\n", first)
    assert first != second
    assert "ln=4," in proxy.command('hashPassword("secret", 16)')
    assert "power of two" in proxy.command('hashPassword("secret", 17)')


def test_who_asks_for_encrypted_listeners_alone_gets_no_plain_one():
    with Proxy('addTLSLocal("127.0.0.1:0", "cert", "key")', listen=None) as p:
        assert p.command("getBindCount()") == "0\n"

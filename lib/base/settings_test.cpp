#include "lib/base/settings.h"

#include <doctest/doctest.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <set>

using kefu::Settings;
using namespace std::chrono_literals;

namespace {

using Environment = std::map<std::string, std::string>;

const Environment kGateway = {{"WECHAT_TOKEN", "s3cret-token"},
                              {"WECHAT_APP_ID", "wx1"},
                              {"IM_SDK_APP_ID", "1400000001"},
                              {"IM_AGENTS", "agent1, agent2"},
                              {"IM_CALLBACK_TOKEN", "s3cret-callback"}};
const Environment kRelay = {
    {"IM_SDK_APP_ID", "1400000001"}, {"IM_SECRET_KEY", "s3cret-key"}, {"IM_ADMIN", "administrator"}};

Environment with(Environment base, const Environment& more) {
  for (const auto& [name, value] : more) base[name] = value;
  return base;
}

Settings::Loaded load(std::string_view program, const Environment& environment,
                      std::vector<const char*> flags = {}) {
  flags.insert(flags.begin(), "program");
  return Settings::load(program, static_cast<int>(flags.size()), flags.data(), environment);
}

std::string joined(const std::vector<std::string>& lines) {
  std::string all;
  for (const auto& line : lines) all += line + "\n";
  return all;
}

// The problems, one a line.
std::string problems(std::string_view program, const Environment& environment,
                     std::vector<const char*> flags = {}) {
  return joined(load(program, environment, std::move(flags)).problems);
}

Settings fine(std::string_view program, const Environment& environment, std::vector<const char*> flags = {}) {
  auto loaded = load(program, environment, std::move(flags));
  REQUIRE_MESSAGE(loaded.problems.empty(), joined(loaded.problems));
  return std::move(loaded.settings);
}

bool contains(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

class TemporaryFile {
 public:
  explicit TemporaryFile(std::string_view content) {
    static int count = 0;
    path = (std::filesystem::temp_directory_path() /
            ("kefu-settings-" + std::to_string(getpid()) + "-" + std::to_string(count++)))
               .string();
    std::ofstream(path, std::ios::binary) << content;
  }
  ~TemporaryFile() { std::filesystem::remove(path); }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;

  std::string path;
};

}  // namespace

TEST_CASE("with the required settings the rest has the contract's defaults") {
  const auto gateway = fine("gateway", kGateway);
  CHECK(gateway.text("KEFU_HTTP_LISTEN") == "0.0.0.0:8080");
  CHECK(gateway.text("KEFU_OPS_LISTEN") == "127.0.0.1:9101");
  CHECK(gateway.text("KEFU_DATA_DIR") == "./data");
  CHECK(gateway.text("KEFU_LOCALE") == "zh-CN");
  CHECK(gateway.list("IM_AGENTS") == std::vector<std::string>{"agent1", "agent2"});
  CHECK(gateway.duration("KEFU_RETRY_FIRST") == 1s);
  CHECK(gateway.duration("KEFU_KEEP_DONE") == 72h);
  CHECK_FALSE(gateway.flag("IM_CALLBACK_INSECURE"));
  CHECK_FALSE(gateway.has("WECHAT_AES_KEY"));
  const auto relay = fine("relay", kRelay);
  CHECK(relay.text("KEFU_OPS_LISTEN") == "127.0.0.1:9102");
  CHECK(relay.number("KEFU_CONCURRENCY") == 32);
  CHECK(relay.text("KEFU_LOCALE") == "zh-CN");
  CHECK(relay.number("IM_SDK_APP_ID") == 1400000001);
  const auto notifier = fine("notifier", {{"WECHAT_APP_ID", "wx1"}, {"WECHAT_APP_SECRET", "s"}});
  CHECK(notifier.text("KEFU_OPS_LISTEN") == "127.0.0.1:9103");
  CHECK(notifier.text("WECHAT_API") == "https://api.weixin.qq.com");
}

TEST_CASE("the sandbox needs no settings at all") {
  const auto sandbox = fine("sandbox", {});
  CHECK(sandbox.text("KEFU_SANDBOX_LISTEN") == "127.0.0.1:8000");
  CHECK(sandbox.text("KEFU_GATEWAY_URL") == "http://127.0.0.1:8080");
  CHECK(sandbox.has("WECHAT_TOKEN"));
}

TEST_CASE("every default is valid and every name has one row a program") {
  std::set<std::pair<std::string_view, std::string_view>> seen;
  for (const auto& setting : kefu::all_settings()) {
    CAPTURE(setting.name);
    CHECK_FALSE(setting.help.empty());
    if (!setting.fallback.empty()) CHECK(kefu::problem_with(setting, std::string(setting.fallback)) == "");
    for (const auto* program : {"gateway", "relay", "notifier", "sandbox", "kefuctl"}) {
      if (contains(" " + std::string(setting.programs) + " ", " " + std::string(program) + " "))
        CHECK(seen.emplace(setting.name, program).second);
    }
  }
}

TEST_CASE("a flag wins over the environment, this over the file, this over the default") {
  const TemporaryFile file("KEFU_DATA_DIR=/from/file\nKEFU_LOCALE=ja\nKEFU_LOG_LEVEL=debug\n");
  const auto environment =
      with(kGateway, {{"KEFU_CONFIG", file.path}, {"KEFU_LOCALE", "en"}, {"KEFU_LOG_LEVEL", "error"}});
  const auto settings = fine("gateway", environment, {"--log-level", "warning"});
  CHECK(settings.text("KEFU_LOG_LEVEL") == "warning");
  CHECK(settings.text("KEFU_LOCALE") == "en");
  CHECK(settings.text("KEFU_DATA_DIR") == "/from/file");
  CHECK(settings.text("KEFU_LOG_FORMAT") == "text");
}

TEST_CASE("flags take either form, and a flag without a value means yes") {
  auto environment = kGateway;
  environment.erase("IM_CALLBACK_TOKEN");
  const auto settings = fine("gateway", environment,
                             {"--http-listen=[::1]:0", "--im-callback-insecure", "--wechat-token", "other"});
  CHECK(settings.text("KEFU_HTTP_LISTEN") == "[::1]:0");
  CHECK(settings.flag("IM_CALLBACK_INSECURE"));
  CHECK(settings.text("WECHAT_TOKEN") == "other");
  CHECK_FALSE(fine("gateway", kGateway, {"--im-callback-insecure=0"}).flag("IM_CALLBACK_INSECURE"));
}

TEST_CASE("a file has comments, quotes, blanks and names written as flags") {
  const TemporaryFile file(
      "# a comment\n; another\n\n  WECHAT_TOKEN = \"with # sign\"  # "
      "why\nhttp-listen=127.0.0.1:1\n--log-level: no\n"
      "export KEFU_LOCALE=en # English\r\nKEFU_REPLY_SUBSCRIBE='Hello, dear friend = "
      "you'\nIM_CALLBACK_TOKEN=a#b\nIM_SECRET_KEY=of the relay\n");
  const TemporaryFile good(std::string("WECHAT_TOKEN = \"with # sign\"  # "
                                       "why\nhttp-listen=127.0.0.1:1\nexport KEFU_LOCALE=en # English\r\n") +
                           "KEFU_REPLY_SUBSCRIBE='Hello, dear friend = "
                           "you'\nIM_CALLBACK_TOKEN=a#b\nIM_SECRET_KEY=of the relay\n# end");
  auto environment = kGateway;
  environment.erase("WECHAT_TOKEN");
  environment.erase("IM_CALLBACK_TOKEN");
  const auto settings = fine("gateway", environment, {"--config", good.path.c_str()});
  CHECK(settings.text("WECHAT_TOKEN") == "with # sign");
  CHECK(settings.text("KEFU_HTTP_LISTEN") == "127.0.0.1:1");
  CHECK(settings.text("KEFU_LOCALE") == "en");
  CHECK(settings.text("KEFU_REPLY_SUBSCRIBE") == "Hello, dear friend = you");
  CHECK(settings.text("IM_CALLBACK_TOKEN") == "a#b");
  CHECK(problems("gateway", environment, {"--config", file.path.c_str()}) ==
        file.path + " line 6: is not NAME=value\n");
}

TEST_CASE("tables behind the settings are handed to those who know them") {
  const TemporaryFile file("KEFU_LOCALE=ja\n# next\n  [[reply]]\nwhen = \"text\"\n");
  const auto settings = fine("gateway", kGateway, {"--config", file.path.c_str()});
  CHECK(settings.text("KEFU_LOCALE") == "ja");
  CHECK(settings.tables().file == file.path);
  CHECK(settings.tables().lines_before == 2);
  CHECK(settings.tables().text == "  [[reply]]\nwhen = \"text\"");
  const TemporaryFile section("[gateway]\n");
  CHECK(problems("gateway", kGateway, {"--config", section.path.c_str()}) ==
        section.path + " line 1: is not NAME=value\n");
  CHECK(fine("gateway", kGateway).tables().text.empty());
}

TEST_CASE("an empty list of events is not the default one") {
  CHECK(fine("gateway", with(kGateway, {{"KEFU_FORWARD_EVENTS", ""}})).list("KEFU_FORWARD_EVENTS").empty());
  CHECK(fine("gateway", kGateway).list("KEFU_FORWARD_EVENTS").size() == 3);
}

TEST_CASE("the byte order mark with which some editors begin a file is no part of the first name") {
  const TemporaryFile marked("\xEF\xBB\xBFKEFU_LOCALE=ja\nKEFU_LOG_LEVEL=debug\n");
  const auto settings = fine("gateway", kGateway, {"--config", marked.path.c_str()});
  CHECK(settings.text("KEFU_LOCALE") == "ja");
  CHECK(settings.text("KEFU_LOG_LEVEL") == "debug");
  const TemporaryFile nothing_else("\xEF\xBB\xBF");
  fine("gateway", kGateway, {"--config", nothing_else.path.c_str()});
  const TemporaryFile late("KEFU_LOG_LEVEL=debug\n\xEF\xBB\xBFKEFU_LOCALE=ja\n");
  CHECK(contains(problems("gateway", kGateway, {"--config", late.path.c_str()}), "line 2: "));
}

TEST_CASE("unknown and repeated names in a file are problems with their line and a hint") {
  const TemporaryFile file(
      "WECHAT_TOKN=s3cret\nKEFU_LOCALE=en\nlocale=ja\nNONSENSE_ALTOGETHER=1\nKEFU_LOG_LEVEL=\"info\n");
  const auto told = problems("gateway", kGateway, {"--config", file.path.c_str()});
  CHECK(contains(told, "line 1: WECHAT_TOKN is no setting; did you mean WECHAT_TOKEN?\n"));
  CHECK(contains(told, "line 3: KEFU_LOCALE is set a second time"));
  CHECK(contains(told, "line 4: NONSENSE_ALTOGETHER is no setting\n"));
  CHECK(contains(told, "line 5: KEFU_LOG_LEVEL has a quotation mark"));
  CHECK_FALSE(contains(told, "s3cret"));
  CHECK(contains(problems("gateway", kGateway, {"--config", "/nowhere/at/all"}),
                 "KEFU_CONFIG: /nowhere/at/all cannot be read\n"));
}

TEST_CASE("a secret may come from a file, without its trailing newline") {
  const TemporaryFile file("from-file\n");
  auto environment = with(kGateway, {{"WECHAT_TOKEN_FILE", file.path}});
  environment.erase("WECHAT_TOKEN");
  CHECK(fine("gateway", environment).text("WECHAT_TOKEN") == "from-file");
  CHECK(fine("gateway", environment, {"--wechat-token", "flag"}).text("WECHAT_TOKEN") == "flag");
  CHECK(fine("gateway", kGateway, {"--wechat-token-file", file.path.c_str()}).text("WECHAT_TOKEN") ==
        "from-file");
}

TEST_CASE("a secret and its file at once, or an unusable file, is a problem") {
  const TemporaryFile file("from-file\n");
  const TemporaryFile empty("\n");
  CHECK(problems("gateway", with(kGateway, {{"WECHAT_TOKEN_FILE", file.path}})) ==
        "WECHAT_TOKEN and WECHAT_TOKEN_FILE are both set: keep one of the two\n");
  auto environment = kGateway;
  environment.erase("WECHAT_TOKEN");
  CHECK(problems("gateway", with(environment, {{"WECHAT_TOKEN_FILE", "/nowhere"}})) ==
        "WECHAT_TOKEN_FILE: /nowhere cannot be read\n");
  CHECK(problems("gateway", with(environment, {{"WECHAT_TOKEN_FILE", empty.path}})) ==
        "WECHAT_TOKEN_FILE: " + empty.path + " is empty\n");
  CHECK(contains(problems("gateway", with(environment, {{"WECHAT_TOKEN_FILE", "/tmp"}})),
                 "WECHAT_TOKEN_FILE: /tmp "));
}

TEST_CASE("all problems are told at once, one line each, naming the setting") {
  const auto told =
      load("gateway", {{"IM_AGENTS", "a b"}, {"KEFU_LOCALE", "fr"}, {"KEFU_HTTP_LISTEN", "8080"}},
           {"--data-dri", "x"})
          .problems;
  const std::vector<std::string> begins = {"--data-dri: no such flag; did you mean --data-dir?",
                                           "an argument that belongs to no flag",
                                           "KEFU_HTTP_LISTEN is '8080': give host:port",
                                           "WECHAT_TOKEN is missing: set it",
                                           "WECHAT_APP_ID is missing",
                                           "IM_SDK_APP_ID is missing",
                                           "IM_AGENTS has an account that is not",
                                           "KEFU_LOCALE is 'fr': give one of zh-CN, en, ja",
                                           "IM_CALLBACK_TOKEN is missing"};
  REQUIRE(told.size() == begins.size());
  for (std::size_t i = 0; i < begins.size(); ++i) {
    CHECK(told[i].substr(0, begins[i].size()) == begins[i]);
    CHECK_FALSE(contains(told[i], "\n"));
  }
}

TEST_CASE("each kind refuses what it is not") {
  const std::vector<std::pair<std::string, std::vector<std::string>>> bad = {
      {"KEFU_HTTP_LISTEN",
       {"8080", "host", "host:", ":80", "host:65536", "host:-1", "::1:80", "[::1]", "a/b:80", "off",
        "host:8080x"}},
      {"KEFU_OPS_LISTEN", {"on", "9101", "Off"}},
      {"KEFU_QUEUE_LISTEN",
       {"127.0.0.1:5555", "tcp://5555", "ipc://x", "ipc://@x", "ipc://*", "ipc:///", "ipc:///x/",
        "ipc:///" + std::string(107, 'x'), "tcp://:1", "off"}},
      {"KEFU_LOG_LEVEL", {"Info", "trace"}},
      {"IM_SDK_APP_ID", {"0", "-1", "4294967296", "14x", "1e3", " 1"}},
      {"IM_AGENTS", {",", "a b", "a,a", std::string(33, 'a'), "客服"}},
      {"KEFU_RETRY_FIRST", {"1", "s", "-1s", "1.5s", "1 s", "99999999999d", "1w"}},
      {"KEFU_RETRY_ATTEMPTS", {"0", "many"}},
      {"IM_CALLBACK_INSECURE", {"maybe", "2"}},
      {"WECHAT_AES_KEY", {"short", std::string(44, 'a'), std::string(42, 'a') + "="}},
      {"WECHAT_TOKEN", {"a\nb", " a", "a "}},
  };
  for (const auto& row : bad) {
    const std::string& name = row.first;
    for (const auto& value : row.second) {
      CAPTURE(name);
      CAPTURE(value);
      const auto told = load("gateway", with(kGateway, {{name, value}})).problems;
      REQUIRE(told.size() == 1);
      CHECK(told[0].substr(0, name.size() + 1) == name + " ");
    }
  }
  for (const auto* url : {"api.weixin.qq.com", "ftp://x", "http://", "https://user:pw@host", "http://host:x",
                          "http://host/?a", "http://:80"}) {
    CAPTURE(url);
    const auto told = problems("relay", with(kRelay, {{"IM_API", url}}));
    CHECK(told.substr(0, 7) == "IM_API ");
    CHECK_FALSE(contains(told, "pw"));
  }
}

TEST_CASE("a reply text longer than WeChat takes is a problem, told without repeating it") {
  for (const auto* name : {"KEFU_REPLY_SUBSCRIBE", "KEFU_REPLY_TRANSFER", "KEFU_REPLY_OFFLINE"}) {
    const std::string most(2000, 'x');
    CHECK(fine("gateway", with(kGateway, {{name, most}})).text(name) == most);
    CHECK(problems("gateway", with(kGateway, {{name, most + "x"}})) ==
          std::string(name) + " is 2001 bytes long: give at most 2000 bytes of UTF-8\n");
    std::string chinese;
    for (int i = 0; i < 667; ++i) chinese += "您";
    CHECK(contains(problems("gateway", with(kGateway, {{name, chinese}})), " is 2001 bytes long"));
  }
  CHECK(fine("gateway", with(kGateway, {{"KEFU_DATA_DIR", std::string(2001, 'x')}})).has("KEFU_DATA_DIR"));
}

TEST_CASE("finished events are kept for a minute at least") {
  for (const auto* kept : {"1m", "60s", "60000ms", "3d"})
    fine("gateway", with(kGateway, {{"KEFU_KEEP_DONE", kept}}));
  for (const auto* kept : {"0s", "59s", "59999ms"}) {
    CHECK(problems("gateway", with(kGateway, {{"KEFU_KEEP_DONE", kept}})) ==
          "KEFU_KEEP_DONE is '" + std::string(kept) + "': give at least 1m\n");
  }
  CHECK(problems("gateway", with(kGateway, {{"KEFU_KEEP_DONE", "1"}})) ==
        "KEFU_KEEP_DONE is '1': give a number with ms, s, m, h or d, such as 500ms or 24h\n");
}

TEST_CASE("one may listen on any port or host, but not connect to any") {
  for (const auto* any :
       {"tcp://127.0.0.1:0", "tcp://127.0.0.1:*", "tcp://*:5555", "tcp://*:*", "tcp://[::1]:*"}) {
    CAPTURE(any);
    fine("gateway", with(kGateway, {{"KEFU_QUEUE_LISTEN", any}}));
  }
  for (const auto* nobody : {"tcp://a:0", "tcp://a:1,tcp://b:0", "tcp://a:*", "tcp://*:5555"}) {
    CAPTURE(nobody);
    CHECK(problems("relay", with(kRelay, {{"KEFU_QUEUE_CONNECT", nobody}})) ==
          "KEFU_QUEUE_CONNECT is '" + std::string(nobody) +
              "': give tcp://host:port with a host and a port from 1 to 65535, or ipc:///path, several with "
              "commas "
              "between\n");
  }
}

TEST_CASE("each kind takes what it is") {
  for (const auto* listen : {"127.0.0.1:0", "[::1]:8080", "[::]:8080", "localhost:1", "0.0.0.0:65535"})
    fine("gateway", with(kGateway, {{"KEFU_HTTP_LISTEN", listen}}));
  CHECK(fine("gateway", with(kGateway, {{"KEFU_OPS_LISTEN", "off"}, {"KEFU_TAP_LISTEN", "off"}}))
            .text("KEFU_OPS_LISTEN") == "off");
  fine("gateway", with(kGateway, {{"KEFU_ADMIN_LISTEN", "off"}}));
  for (const auto* endpoint :
       {"tcp://[::1]:5555", "tcp://[::]:5555", "tcp://*:5555", "ipc:///run/kefu/queue"})
    fine("gateway", with(kGateway, {{"KEFU_QUEUE_LISTEN", endpoint}}));
  fine("relay", with(kRelay, {{"KEFU_QUEUE_CONNECT", "tcp://[::1]:5555,ipc:///run/kefu/queue"}}));
  CHECK(fine("gateway", with(kGateway, {{"WECHAT_AES_KEY", std::string(41, 'a') + "+/"}}))
            .has("WECHAT_AES_KEY"));
  const std::vector<std::pair<const char*, kefu::Millis>> durations = {
      {"500ms", 500ms}, {"10s", 10s}, {"5m", 5min}, {"24h", 24h}, {"3d", 72h}, {"0s", 0s}};
  for (const auto& [text, expected] : durations)
    CHECK(fine("gateway", with(kGateway, {{"KEFU_RETRY_MAX", text}})).duration("KEFU_RETRY_MAX") == expected);
  const auto relay = fine("relay", with(kRelay, {{"KEFU_QUEUE_CONNECT", "tcp://a:1, tcp://[::1]:2"},
                                                 {"IM_API", "http://[::1]:80/x"},
                                                 {"KEFU_CONCURRENCY", "1024"}}));
  CHECK(relay.list("KEFU_QUEUE_CONNECT") == std::vector<std::string>{"tcp://a:1", "tcp://[::1]:2"});
  CHECK(problems("relay", with(kRelay, {{"KEFU_CONCURRENCY", "1025"}})) ==
        "KEFU_CONCURRENCY is '1025': give a whole number from 1 to 1024\n");
}

TEST_CASE("empty means not set, but for the reply texts, where it means no reply") {
  const auto settings = fine(
      "gateway", with(kGateway, {{"KEFU_LOCALE", ""}, {"KEFU_REPLY_SUBSCRIBE", ""}, {"WECHAT_AES_KEY", ""}}));
  CHECK(settings.text("KEFU_LOCALE") == "zh-CN");
  CHECK_FALSE(settings.is_set("KEFU_LOCALE"));
  CHECK(settings.is_set("KEFU_REPLY_SUBSCRIBE"));
  CHECK_FALSE(settings.has("KEFU_REPLY_SUBSCRIBE"));
  CHECK_FALSE(settings.is_set("KEFU_REPLY_TRANSFER"));
  CHECK_FALSE(settings.is_set("WECHAT_AES_KEY"));
  CHECK(contains(problems("gateway", with(kGateway, {{"WECHAT_TOKEN", ""}})), "WECHAT_TOKEN is missing"));
}

TEST_CASE("a callback token is required unless unsigned callbacks are asked for") {
  auto environment = kGateway;
  environment.erase("IM_CALLBACK_TOKEN");
  CHECK(contains(problems("gateway", environment), "IM_CALLBACK_TOKEN is missing"));
  CHECK(fine("gateway", with(environment, {{"IM_CALLBACK_INSECURE", "1"}})).flag("IM_CALLBACK_INSECURE"));
}

TEST_CASE("no secret appears in problems, help or description") {
  const std::string key = "s3cret-of-wrong-length";
  const auto loaded = load("gateway", with(kGateway, {{"WECHAT_AES_KEY", key}, {"KEFU_LOCALE", "xx"}}),
                           {"--wechat-tokn=s3cret", "--wechat-token"});
  CHECK(loaded.problems.size() == 4);
  CHECK_FALSE(contains(joined(loaded.problems), "s3cret"));
  const auto lines = fine("gateway", kGateway).describe();
  CHECK_FALSE(contains(joined(lines), "s3cret"));
  CHECK(contains(joined(lines), "WECHAT_TOKEN=(secret) (environment)\n"));
  CHECK(contains(joined(lines), "KEFU_LOCALE=zh-CN (default)\n"));
  CHECK(contains(joined(lines), "WECHAT_AES_KEY= (default)\n"));
}

TEST_CASE("help, version and the check end the program") {
  const auto help = load("relay", {}, {"--help"});
  CHECK(help.exit_now == 0);
  for (const auto* part : {"--im-secret-key", "--im-secret-key-file", "IM_ADMIN, required",
                           "default https://console.tim.qq.com", "--config", "--check-config"}) {
    CAPTURE(part);
    CHECK(contains(help.output, part));
  }
  CHECK_FALSE(contains(help.output, "WECHAT_TOKEN"));
  const auto version = load("relay", {}, {"--version"});
  CHECK(version.exit_now == 0);
  CHECK(version.output == std::string("kefu-relay ") + KEFU_VERSION + "\n");
  const auto good = load("relay", kRelay, {"--check-config"});
  CHECK(good.exit_now == 0);
  CHECK(good.output == "configuration is fine\n");
  const auto bad = load("relay", {}, {"--check-config"});
  CHECK(bad.exit_now == 2);
  CHECK(bad.output.empty());
  CHECK(bad.problems.size() == 3);
}

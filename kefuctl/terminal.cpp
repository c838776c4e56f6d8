#include "kefuctl/terminal.h"

#include <poll.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include <string_view>

namespace kefu::ctl {
namespace {

constexpr std::string_view kEnter = "\x1b[?1049h\x1b[?25l";
constexpr std::string_view kLeave = "\x1b[?25h\x1b[?1049l";
constexpr std::string_view kHome = "\x1b[H";
constexpr std::string_view kClearLine = "\x1b[K";
constexpr std::string_view kClearBelow = "\x1b[J";

void write_all(std::string_view text) {
  while (!text.empty()) {
    const auto written = ::write(STDOUT_FILENO, text.data(), text.size());
    if (written <= 0) return;
    text.remove_prefix(static_cast<std::size_t>(written));
  }
}

}  // namespace

struct Terminal::Before {
  termios settings{};
  bool keys = false;  // standard input is a terminal, too
};

bool Terminal::there() {
  return ::isatty(STDOUT_FILENO) == 1;
}

Terminal::Terminal() : before_(std::make_unique<Before>()) {
  before_->keys = ::tcgetattr(STDIN_FILENO, &before_->settings) == 0;
  if (before_->keys) {
    termios raw = before_->settings;
    raw.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO);  // Ctrl-C still makes a signal
    raw.c_cc[VMIN] = 0;
    raw.c_cc[VTIME] = 0;
    ::tcsetattr(STDIN_FILENO, TCSANOW, &raw);
  }
  write_all(kEnter);
}

Terminal::~Terminal() {
  write_all(kLeave);
  if (before_->keys) ::tcsetattr(STDIN_FILENO, TCSANOW, &before_->settings);
}

Screen Terminal::size() const {
  winsize size{};
  if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0 || size.ws_row == 0) return {80, 24};
  return {size.ws_col, size.ws_row};
}

void Terminal::show(const std::vector<std::string>& lines) {
  std::string text(kHome);
  for (std::size_t i = 0; i < lines.size(); ++i) {
    if (i > 0) text += "\r\n";
    text += lines[i];
    text += kClearLine;
  }
  text += kClearBelow;
  write_all(text);
}

char Terminal::key() {
  char pressed = 0;
  pollfd input{STDIN_FILENO, POLLIN, 0};
  if (!before_->keys || ::poll(&input, 1, 0) <= 0) return 0;
  return ::read(STDIN_FILENO, &pressed, 1) == 1 ? pressed : '\0';
}

}  // namespace kefu::ctl

#include "gateway/web/media_page.h"

#include <algorithm>
#include <utility>

#include "lib/media/links.h"

namespace kefu {
namespace {

http::Response refusal(int status, std::string body) {
  http::Response answer{status, std::move(body)};
  answer.headers = {{"Cache-Control", "no-store"}, {"Access-Control-Allow-Origin", "*"}};
  return answer;
}

}  // namespace

std::string path_of_url(std::string_view url) {
  const auto host = url.find("://");
  const auto path = host == std::string_view::npos ? host : url.find('/', host + 3);
  if (path == std::string_view::npos) return {};
  url.remove_prefix(path);
  while (!url.empty() && url.back() == '/') url.remove_suffix(1);
  return std::string(url);
}

MediaPage::MediaPage(media::MediaStore& store, std::string link_key, std::string prefix,
                     std::size_t readers_max)
    : store_(store),
      link_key_(std::move(link_key)),
      prefix_(std::move(prefix)),
      readers_max_(readers_max),
      readers_(std::make_shared<std::atomic<std::size_t>>(0)) {}

http::Response MediaPage::get(const http::Request& request, Timestamp now) const {
  const auto slash = request.path.rfind('/');
  if (slash == std::string::npos || (slash != 0 && request.path.substr(0, slash) != prefix_))
    return refusal(404, "Not Found\n");
  const auto linked = media::read_link_name(link_key_, request.path.substr(slash + 1), Timestamp{0});
  if (!linked) return refusal(404, "Not Found\n");
  const auto path = store_.path_of(linked->hash);
  if (now >= linked->expires || !path) return refusal(410, "Gone\n");
  auto reader = one_more_reader();
  if (!reader) {
    auto busy = refusal(503, "Service Unavailable\n");
    busy.headers.emplace_back("Retry-After", "2");
    return busy;
  }

  const auto seconds = (linked->expires - now).count() / 1000;
  const auto file_name = linked->hash.substr(0, 16) + "." + std::string(media::extension(linked->format));
  http::Response answer{200, {}, std::string(media::mime_type(linked->format))};
  answer.headers = {{"Cache-Control", "private, immutable, max-age=" + std::to_string(seconds)},
                    {"Content-Disposition", "inline; filename=\"" + file_name + "\""},
                    {"Access-Control-Allow-Origin", "*"},
                    {"X-Content-Type-Options", "nosniff"},
                    {"Content-Security-Policy", "default-src 'none'; sandbox"}};
  answer.file = http::FileBody{*path, "\"" + linked->hash + "\"", std::move(reader)};
  return answer;
}

std::shared_ptr<const void> MediaPage::one_more_reader() const {
  if (++*readers_ > readers_max_) {
    --*readers_;
    return nullptr;
  }
  return {readers_.get(), [readers = readers_](const void*) { --*readers; }};
}

}  // namespace kefu

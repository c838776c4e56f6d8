#include "gateway/journal/quarantine.h"

namespace kefu {

std::string_view name(QuarantineClass kind) {
  switch (kind) {
    case QuarantineClass::undecryptable:
      return "undecryptable";
    case QuarantineClass::not_understood:
      return "not_understood";
    case QuarantineClass::unknown_agent:
      return "unknown_agent";
    case QuarantineClass::unknown_customer:
      return "unknown_customer";
    case QuarantineClass::left_out:
      return "left_out";
    case QuarantineClass::informational:
      return "informational";
  }
  return "unknown";
}

}  // namespace kefu

#include "lib/base/grapheme.h"

#include <algorithm>
#include <iterator>

#include "lib/base/grapheme_table.h"

namespace kefu::grapheme {
namespace {

constexpr char32_t kFirstSyllable = 0xAC00;
constexpr char32_t kLastSyllable = 0xD7A3;
constexpr char32_t kEndings = 28;  // a syllable without one, and with each of 27

bool is_control(Class c) {
  return c == Class::cr || c == Class::lf || c == Class::control;
}

bool extends(Class c) {
  return c == Class::extend || c == Class::linker || c == Class::joiner;
}

// GB6 to GB8.
bool one_syllable(Class before, Class next) {
  switch (before) {
    case Class::hangul_l:
      return next == Class::hangul_l || next == Class::hangul_v || next == Class::hangul_lv ||
             next == Class::hangul_lvt;
    case Class::hangul_lv:
    case Class::hangul_v:
      return next == Class::hangul_v || next == Class::hangul_t;
    case Class::hangul_lvt:
    case Class::hangul_t:
      return next == Class::hangul_t;
    default:
      return false;
  }
}

}  // namespace

Class class_of(char32_t c) {
  if (c >= kFirstSyllable && c <= kLastSyllable) {
    return (c - kFirstSyllable) % kEndings == 0 ? Class::hangul_lv : Class::hangul_lvt;
  }
  const auto* range = std::upper_bound(std::begin(kRanges), std::end(kRanges), c,
                                       [](char32_t value, const Range& one) { return value < one.first; });
  if (range == std::begin(kRanges)) return Class::other;
  --range;
  return c <= range->last ? range->is : Class::other;
}

bool Breaks::begins(char32_t c) {
  const Class next = class_of(c);
  const bool begins = !started_ || !joins(next);
  remember(next);
  return begins;
}

bool Breaks::joins(Class next) const {
  if (before_ == Class::cr && next == Class::lf) return true;        // GB3
  if (is_control(before_) || is_control(next)) return false;         // GB4, GB5
  if (one_syllable(before_, next)) return true;                      // GB6 to GB8
  if (extends(next) || next == Class::spacing_mark) return true;     // GB9, GB9a
  if (before_ == Class::prepend) return true;                        // GB9b
  if (next == Class::consonant && linked_consonant_) return true;    // GB9c
  if (next == Class::pictograph && joined_pictograph_) return true;  // GB11
  return next == Class::indicator && indicators_ % 2 == 1;           // GB12, GB13
}

void Breaks::remember(Class next) {
  joined_pictograph_ = next == Class::joiner && pictograph_;
  pictograph_ =
      next == Class::pictograph || ((next == Class::extend || next == Class::linker) && pictograph_);
  linked_consonant_ = consonant_ && (next == Class::linker || (extends(next) && linked_consonant_));
  consonant_ = next == Class::consonant || (extends(next) && consonant_);
  indicators_ = next == Class::indicator ? indicators_ + 1 : 0;
  before_ = next;
  started_ = true;
}

}  // namespace kefu::grapheme

// Where a text may be cut so that a person sees no character cut: the extended grapheme clusters of Unicode
// Standard Annex 29. Pure.
#pragma once

#include <cstddef>
#include <cstdint>

namespace kefu::grapheme {

enum class Class : std::uint8_t {
  other,
  cr,
  lf,
  control,
  extend,  // combining marks, variation selectors, skin tones, tags
  joiner,  // ZERO WIDTH JOINER
  spacing_mark,
  prepend,
  indicator,   // two of them are a flag
  pictograph,  // may be joined with others
  hangul_l,
  hangul_v,
  hangul_t,
  hangul_lv,
  hangul_lvt,
  consonant,  // of an Indic script that writes conjuncts
  linker,     // virama: extends, and joins two consonants
};

Class class_of(char32_t c);

// Reads a text one code point after the other.
class Breaks {
 public:
  // Whether a person sees a new character begin with this one. The first always does.
  bool begins(char32_t c);

 private:
  bool joins(Class next) const;
  void remember(Class next);

  bool started_ = false;
  Class before_ = Class::other;
  std::size_t indicators_ = 0;      // directly before
  bool pictograph_ = false;         // a pictograph and what extends it are directly before
  bool joined_pictograph_ = false;  // and a joiner after them
  bool consonant_ = false;          // a consonant and what extends it are directly before
  bool linked_consonant_ = false;   // and a linker among that
};

}  // namespace kefu::grapheme

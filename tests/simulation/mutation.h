// Rules broken on purpose, at the borders of the real parts, so that a test can see the ledger complain. Each
// stands for a bug that somebody could write.
#pragma once

#include <array>
#include <string_view>

namespace kefu::simulation {

enum class Mutation {
  none,
  answer_before_commit,  // pushes are answered before they are on disk
  forget_keys,           // no push is known to be a duplicate
  overtake,              // now and then a worker gets the next event of a customer whose head travels
  late_start,            // rule 2: workers start what they should return
  any_verdict,           // rule 3: a late verdict passes for one of the newest delivery
  no_quiet,              // rule 4: work is handed out at once after a restart
  silent_pings,          // rule 5: workers do not say what they hold
  fresh_random,          // every attempt has another MsgRandom
  forget_progress,       // every attempt begins with the first part
  lose_quietly,          // a worker says done without having called
  forget_doubt,          // no attempt knows that an earlier one may have acted
};

struct NamedMutation {
  Mutation mutation;
  std::string_view name;
};
inline constexpr std::array kMutations{
    NamedMutation{Mutation::answer_before_commit, "answer_before_commit"},
    NamedMutation{Mutation::forget_keys, "forget_keys"},
    NamedMutation{Mutation::overtake, "overtake"},
    NamedMutation{Mutation::late_start, "late_start"},
    NamedMutation{Mutation::any_verdict, "any_verdict"},
    NamedMutation{Mutation::no_quiet, "no_quiet"},
    NamedMutation{Mutation::silent_pings, "silent_pings"},
    NamedMutation{Mutation::fresh_random, "fresh_random"},
    NamedMutation{Mutation::forget_progress, "forget_progress"},
    NamedMutation{Mutation::lose_quietly, "lose_quietly"},
    NamedMutation{Mutation::forget_doubt, "forget_doubt"},
};

}  // namespace kefu::simulation

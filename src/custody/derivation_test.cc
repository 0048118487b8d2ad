// SPDX-License-Identifier: Apache-2.0
#include "custody/derivation.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <set>
#include <string>
#include <tuple>

#include "custody/test_support.h"

namespace cofferdam::custody {
namespace {

using test::counting;
using test::filled;
using test::hex_of;
using test::tree_of;

KeyTree known_tree() { return KeyTree::create(counting(32), "vault").value(); }

// The values were computed with Python's hmac module from docs/custody.md.
TEST(DerivationTest, KnownAnswers) {
  const KeyTree tree = known_tree();
  EXPECT_EQ(hex_of(tree.derive({.purpose = "session", .label = "alice", .context = test::context()})
                       .value()),
            "397706644f40e663c04b4e5184c463d6c9b81bad74b1a0bbf235d3bfdded5428");
  EXPECT_EQ(hex_of(tree.derive({.purpose = "session", .label = "alice"}, 100).value()),
            "c3cfaf72b4aa1dc4863e0151afc0ca7e92d12e75b059e5b9bf1b64c57e3d0b8f1846871aa400775c3c863a"
            "7e69aa2ea79ddd166648ef63781c283d1d37fb2da2cc120398f5f85f96b5c4ca68df65552807b9a2f3782c"
            "6a01b2bbd6c90a59106ad0ff839a");
  const KeyTree child = tree.child({.purpose = "tenants", .label = "alice"}).value();
  EXPECT_EQ(hex_of(child.derive({.purpose = "session", .label = "1"}, 16).value()),
            "81ccb5b0816752c257a8789487735f3f");
}

TEST(DerivationTest, ContextDigestIsOfTheKeyAndTheSortedContext) {
  EXPECT_EQ(to_hex(test::context()),
            "27e3e1c8e528d0b60776e4a8e7417d3c02b33bf0a10db39ff4099284751eaba56d118bddf6bec5cde56d6e"
            "8319958f06");
  EXPECT_NE(context_digest("a", {}), context_digest("b", {}));
  EXPECT_NE(context_digest("a", {{"k", "v"}}), context_digest("a", {}));
}

TEST(DerivationTest, TheSameRootAndPathGiveTheSameKeyInAnotherProcess) {
  EXPECT_EQ(tree_of(7).derive({.purpose = "p", .label = "l"}).value(),
            tree_of(7).derive({.purpose = "p", .label = "l"}).value());
}

TEST(DerivationTest, EveryInputChangesTheKey) {
  std::set<std::string> keys;
  crypto::Sha384 context{};
  context.back() = 1;
  const KeyPath base{.purpose = "p", .label = "l"};
  const auto add = [&keys](const KeyTree& tree, const KeyPath& path) {
    keys.insert(hex_of(tree.derive(path).value()));
  };
  add(tree_of(1), base);
  add(tree_of(2), base);
  add(tree_of(1, "another"), base);
  add(tree_of(1), {.purpose = "q", .label = "l"});
  add(tree_of(1), {.purpose = "p", .label = "m"});
  add(tree_of(1), {.purpose = "p", .label = "l", .context = context});
  add(tree_of(1).child(base).value(), base);
  EXPECT_EQ(keys.size(), 7U);
}

TEST(DerivationTest, NoKeyIsThePrefixOfALongerOne) {
  const KeyPath path{.purpose = "p", .label = "l"};
  const Secret longer = tree_of(1).derive(path, 64).value();
  EXPECT_FALSE(tree_of(1).derive(path, 32).value() == std::move(longer.clone()).truncated(32));
}

TEST(DerivationTest, ASubtreesRootIsNoKeyOfItsParent) {
  const KeyPath path{.purpose = "p", .label = "l"};
  const Secret key = tree_of(1).derive(path, 48).value();
  const KeyTree impostor = KeyTree::create(key.clone(), "vault").value();
  EXPECT_FALSE(impostor.derive(path).value() ==
               tree_of(1).child(path).value().derive(path).value());
}

TEST(DerivationTest, RefusesAWeakRoot) {
  EXPECT_FALSE(KeyTree::create(filled(1, 31), "vault").has_value());
  EXPECT_TRUE(KeyTree::create(filled(1, 32), "vault").has_value());
}

TEST(DerivationTest, RefusesNamesThatAreEmptyTooLongOrNotText) {
  const std::string longest(kMaxNameSize, 'x');
  for (const std::string& bad : {std::string(), longest + "x", std::string("a\nb"),
                                 std::string("\0", 1), std::string("\xff")}) {
    EXPECT_FALSE(KeyTree::create(filled(1), bad).has_value());
    EXPECT_FALSE(tree_of(1).derive({.purpose = bad, .label = "l"}).has_value());
    EXPECT_FALSE(tree_of(1).derive({.purpose = "p", .label = bad}).has_value());
    EXPECT_FALSE(tree_of(1).child({.purpose = "p", .label = bad}).has_value());
  }
  EXPECT_TRUE(tree_of(1).derive({.purpose = longest, .label = longest}).has_value());
}

TEST(DerivationTest, RefusesSizesThatAreNoKey) {
  const KeyPath path{.purpose = "p", .label = "l"};
  for (const std::size_t size : {std::size_t{0}, kMinDerivedSize - 1, kMaxDerivedSize + 1}) {
    EXPECT_EQ(tree_of(1).derive(path, size).error().code, Errc::invalid_input) << size;
  }
  EXPECT_EQ(tree_of(1).derive(path, kMaxDerivedSize).value().size(), kMaxDerivedSize);
}

TEST(DerivationTest, AWorkloadCannotDeriveWhatTheProjectUses) {
  EXPECT_FALSE(tree_of(1).derive({.purpose = "cofferdam/seal/v1", .label = "state"}).has_value());
  EXPECT_FALSE(tree_of(1).child({.purpose = "cofferdam/", .label = "x"}).has_value());
}

RC_GTEST_PROP(DerivationTest, DifferentPathsGiveDifferentKeys, ()) {
  const auto name =
      rc::gen::nonEmpty(rc::gen::container<std::string>(rc::gen::elementOf(std::string("ab/:|"))));
  const auto one = *rc::gen::tuple(name, name, name);
  const auto two = *rc::gen::tuple(name, name, name);
  const auto key = [](const std::tuple<std::string, std::string, std::string>& path) {
    const auto& [enclave, purpose, label] = path;
    return tree_of(1, enclave).derive({.purpose = purpose, .label = label}).value();
  };
  RC_ASSERT((key(one) == key(two)) == (one == two));
}

}  // namespace
}  // namespace cofferdam::custody

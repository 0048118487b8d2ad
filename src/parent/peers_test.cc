// SPDX-License-Identifier: Apache-2.0
#include "parent/peers.h"

#include <gtest/gtest.h>

namespace cofferdam::parent {
namespace {

net::PeerIdentity machine(std::uint32_t cid) {
  net::PeerIdentity out;
  out.cid = cid;
  return out;
}

net::PeerIdentity process(uid_t uid) {
  net::PeerIdentity out;
  out.process = net::PeerIdentity::Process{.pid = 1, .uid = uid, .gid = 1};
  return out;
}

TEST(AllowedPeersTest, WithoutNamesEverybodyIsServed) {
  const AllowedPeers everybody;
  EXPECT_TRUE(everybody.admits(machine(16)));
  EXPECT_TRUE(everybody.admits(process(1000)));
  EXPECT_TRUE(everybody.admits({}));
}

TEST(AllowedPeersTest, OtherwiseOnlyThoseNamed) {
  AllowedPeers some;
  ASSERT_TRUE(some.add("cid:16").has_value());
  EXPECT_TRUE(some.admits(machine(16)));
  EXPECT_FALSE(some.admits(machine(17)));
  EXPECT_FALSE(some.admits(process(16)));
  EXPECT_FALSE(some.admits({}));
  ASSERT_TRUE(some.add("uid:1000").has_value());
  EXPECT_TRUE(some.admits(process(1000)));
  EXPECT_FALSE(some.admits(process(1001)));
}

TEST(AllowedPeersTest, RefusesWhatIsNoPeer) {
  AllowedPeers peers;
  for (const std::string_view bad :
       {"", "16", "cid:", "cid:-1", "cid:4294967296", "cid:16 ", "uid:root", "gid:5"}) {
    EXPECT_FALSE(peers.add(bad).has_value()) << bad;
  }
}

}  // namespace
}  // namespace cofferdam::parent

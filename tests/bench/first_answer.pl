#!/usr/bin/perl
# From starting cerca-public to its first right answer over HTTP.
#
#   first_answer.pl PORT REQUESTS PROGRAM ARGUMENT...
#
# Starts the program, sends the first of the requests (tests/bench/public_view.c) as soon as the port takes
# it, again until the answer is a 200 that has in it what the request's answer has, and ends the program.
# Prints seconds.
use strict;
use warnings;
use IO::Socket::INET;
use POSIX ();
use Time::HiRes qw(sleep time);

my ($port, $file, @program) = @ARGV;
open my $in, '<:raw', $file or die "$file: $!";
read $in, my $lengths, 8;
my ($has, $text) = unpack 'LL', $lengths;
read $in, my $wanted, $has;
read $in, my $request, $text;
close $in;

sub answered {
    my $s = IO::Socket::INET->new("127.0.0.1:$port") or return 0;
    print $s $request;
    my $answer = '';
    while (sysread($s, $answer, 65536, length $answer)) {
        return 1 if $answer =~ /^HTTP\/1\.1 200 / && index($answer, $wanted) >= 0;
        last if $answer =~ /^HTTP\/1\.1 [^2]/ || length $answer > 60000;
        last if $answer =~ /\r\nContent-Length: (\d+)\r\n.*?\r\n\r\n(.*)$/si && length $2 >= $1;
    }
    return 0;
}

my $begun = time;
my $pid = fork // die "fork: $!";
if ($pid == 0) {
    exec @program;
    POSIX::_exit(127);
}
until (answered()) {
    die "no answer\n" if time - $begun > 60 || waitpid($pid, POSIX::WNOHANG()) != 0;
    sleep 0.0005;
}
printf "%.3f\n", time - $begun;
kill 'TERM', $pid;
waitpid $pid, 0;

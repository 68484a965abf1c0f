# What the word at the cursor could be: mtrain itself knows. Options aside.
function __mtrain_here
    set -l before (commandline -opc)
    set -l word (commandline -ct)
    set -l answer ($before[1] completion --candidates here -- $before[2..-1] "$word" 2>/dev/null)
    # of --option=value only the value is completed
    set -l value (string replace -r -- '^--[^=]*=' '' "$word")
    set -l kind (string split ' ' -- "$answer[1]")
    switch "$kind[1]"
        case words
            string join \n -- $answer[2..-1]
        case folders
            __fish_complete_directories "$value"
        case files
            if test -z "$kind[2]"
                __fish_complete_path "$value"
            else
                __fish_complete_directories "$value"
                for ending in $kind[2..-1]
                    set -l found $value*
                    string match -- "*.$ending" $found
                end
            end
    end
end

# Is the command the first one of the words behind?
function __mtrain_command
    set -l words (commandline -opc)
    test (count $words) -gt 1; and contains -- "$words[2]" $argv
end

function __mtrain_no_command
    test (count (commandline -opc)) -eq 1
end

complete -c mtrain -f
complete -c mtrain -n __mtrain_no_command -s h -l help -d 'show the commands'
complete -c mtrain -n __mtrain_no_command -l version -d 'show the version'
complete -c mtrain -n 'not __mtrain_no_command' -a '(__mtrain_here)'

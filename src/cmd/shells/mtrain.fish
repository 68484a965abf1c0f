# fish completion of mtrain. mtrain itself reads the words and says what could
# come next: `mtrain completion --candidates` prints "files ENDING...",
# "folders", or "words" and the candidates, each with a tab and a text.
function __mtrain_candidates
    set -l before (commandline -opc)
    set -l word (commandline -ct)
    set -l answer ($before[1] completion --candidates -- $before[2..-1] "$word" 2>/dev/null)
    # of --option=value only the value is completed
    set -l option (string match -r -- '^--[^=]*=' "$word")
    set -l value (string replace -r -- '^--[^=]*=' '' "$word")
    set -l kind (string split ' ' -- "$answer[1]")
    switch "$kind[1]"
        case words
            string join \n -- "$option"$answer[2..-1]
        case folders
            string join \n -- "$option"(__fish_complete_directories "$value")
        case files
            if test -z "$kind[2]"
                string join \n -- "$option"(__fish_complete_path "$value")
            else
                string join \n -- "$option"(__fish_complete_directories "$value")
                for ending in $kind[2..-1]
                    set -l found $value*
                    string match -- "*.$ending" "$option"$found
                end
            end
    end
end

complete -c mtrain -f -a '(__mtrain_candidates)'
